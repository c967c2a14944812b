"""Writes the data set into a merchant's storage through the engine's own jobs; a later run goes on where it stood."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Protocol, TypeVar

from msgspec import Struct, json

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.customers import Customers
from poi_engine.clock import Clock, micros
from poi_engine.goods.products import Product, Products, line_of
from poi_engine.ids import Ids
from poi_engine.insights.rollup import settle
from poi_engine.ports import Job, Query, Screens, Sql
from poi_engine.settings import Counter, read_counter, read_merchant
from poi_engine.setup import NewStation, NewStore, Setup
from poi_offers.model import Offer
from poi_server.demo_data.coupons import coupon_offer, past_offers, segment_of
from poi_server.demo_data.goods import products_of
from poi_server.demo_data.journey import LAST_DAY, Journey, Visit
from poi_server.demo_data.past import SOURCE, Past, PastIds, commit_past, tell_nobody
from poi_server.demo_data.places import Town
from poi_server.demo_data.visits import Shop, past_of

T = TypeVar("T")
BATCH = 200
"""Sales a transaction."""
_AT_ONCE = 256  # small writes that share a commit
_CONNECTOR = "simulator"


class Loaded(Struct, frozen=True, kw_only=True):
    """What is in the storage now; `new` sales were written this time. Days are the stores' own."""

    sales: int
    new: int
    products: int
    customers: int
    stores: int
    offers: int
    first: date
    last: date


class Bar(Protocol):
    """Shows how far it is."""

    def step(self, count: int = 1) -> None: ...

    def skip(self, count: int) -> None: ...

    def close(self) -> None: ...


Bars = Callable[[str, int], Bar]
"""Makes a bar from a label and a total."""


class _Began(Struct, frozen=True):
    """The audit row of the first load: by how many days everything was moved."""

    shift_days: int


class _Then:
    """A clock that stands at a moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> float:
        """UTC seconds."""
        return self._seconds

    def monotonic(self) -> float:
        """Seconds."""
        return self._seconds


async def load(
    sql: Sql, merchant_id: str, journey: Journey, towns: Sequence[Town], screens: Screens, clock: Clock, bars: Bars
) -> Loaded:
    """Load a journey for a merchant: stores, products, customers, offers, then every basket as a committed sale."""
    loader = _Loader(sql, merchant_id, screens, clock, bars)
    shift = timedelta(days=(await loader.began()).shift_days)
    shop = await loader.prepare(journey, towns, shift)
    new = await loader.sell(journey, shop)
    await settle(sql, merchant_id)  # whoever looks first does not wait for it
    first = min((visit.at for visit in islice(journey.visits(), 1)), default=datetime.combine(LAST_DAY, time())).date()
    return Loaded(
        sales=journey.baskets,
        new=new,
        products=len(shop.goods),
        customers=len(shop.customers),
        stores=len({counter.store_id for counter in shop.counters.values()}),
        offers=len(shop.offers),
        first=first + shift,
        last=LAST_DAY + shift,
    )


class _Loader:
    def __init__(self, sql: Sql, merchant_id: str, screens: Screens, clock: Clock, bars: Bars) -> None:
        self._sql = sql
        self._m = merchant_id
        self._screens = screens
        self._clock = clock
        self._bars = bars

    async def began(self) -> _Began:
        """How the first load moved the days; a later one follows it, so that every basket keeps its moment."""
        yesterday = datetime.fromtimestamp(self._clock.now(), UTC).date() - timedelta(days=1)
        proposed = _Began((yesterday - LAST_DAY).days)
        at = micros(self._clock.now())

        def job() -> Job[_Began]:
            rows = yield Query("select why from audit where merchant_id = ? and audit_id = 'aud_demo_data'", (self._m,))
            if rows:
                return json.decode(rows[0]["why"], type=_Began)
            why = json.encode(proposed).decode()
            yield insert_audit(self._m, "aud_demo_data", "operator", "load-demo-data", SOURCE, why, at)
            return proposed

        return await self._sql.write(job)

    async def prepare(self, journey: Journey, towns: Sequence[Town], shift: timedelta) -> Shop:
        """Everything that sales refer to."""
        merchant = await self._sql.read(lambda: read_merchant(self._m))
        counters = await self._stores(journey.shops, towns)
        products = products_of(journey.articles, prices_of(journey))
        await self._products(products)
        customers = await self._customers(journey, shift)
        offers = _offers(journey, merchant.currency, shift)
        await self._offers(offers)
        by_code = {product.code: line_of(product, "1", 1000) for product in products}
        goods = {int(code[2:12]): line for code, line in by_code.items()}
        return Shop(
            merchant_id=self._m,
            currency=merchant.currency,
            policy=merchant.programme.policy,
            shift=shift,
            counters=counters,
            customers=customers,
            goods=goods,
            coupons={(coupon.upc, coupon.campaign_id): coupon for coupon in journey.coupons},
            offers={offer.offer_id: offer for offer in offers},
        )

    # --- stores, products, customers, offers -----------------------------------------------------------------------

    async def _stores(self, shops: Sequence[int], towns: Sequence[Town]) -> dict[int, Counter]:
        """A store and a station in each town; the data's shops are dealt out over them."""
        setup = Setup(self._sql, Ids(self._clock.now))
        by_address = {store.address: store.store_id for store in await setup.stores(self._m)}
        stations = {station.store_id: station.station_id for station in await setup.stations(self._m)}
        found: list[Counter] = []
        bar = self._bars("stores", len(towns))
        for town in towns:
            address = f"{town.name}, {town.country} (GeoNames {town.geoname})"
            store_id = by_address.get(address) or (await setup.add_store(self._m, _store(town, address))).store_id
            if store_id not in stations:
                station = NewStation(store_id=store_id, name=f"{town.name}, 1", vat_rate=550, connector=_CONNECTOR)
                stations[store_id] = (await setup.add_station(self._m, station)).station_id
            found.append(await self._sql.read(lambda s=stations[store_id]: read_counter(self._m, s)))  # type: ignore[misc]
            bar.step()
        bar.close()
        return {shop: found[shop % len(found)] for shop in shops}

    async def _products(self, products: Sequence[Product]) -> None:
        service = Products(self._sql, self._clock, Ids(self._clock.now))
        bar = self._bars("products", len(products))
        for chunk in _chunks(products, _AT_ONCE):
            await asyncio.gather(*(service.put(self._m, product) for product in chunk))
            bar.step(len(chunk))
        bar.close()

    async def _customers(self, journey: Journey, shift: timedelta) -> dict[int, str]:
        """A pseudonym for each household with its loyalty card, and a segment for each campaign sent to it."""
        start = datetime.combine(LAST_DAY + shift - timedelta(days=366), time(), UTC).timestamp()
        service = Customers(self._sql, _Then(start), Ids(lambda: start))
        bar = self._bars("customers", len(journey.households))

        async def one(household: int) -> tuple[int, str]:
            found = await service.by_credential(self._m, "loyalty", f"LOY-{household}", create=True)
            assert found is not None
            sent = tuple(segment_of(c.campaign_id) for c in journey.campaigns if household in c.households)
            if sent != found.segments:
                await service.update(self._m, found.customer_id, segments=sent)
            bar.step()
            return household, found.customer_id

        customers: dict[int, str] = {}
        for chunk in _chunks(journey.households, _AT_ONCE):
            customers.update(await asyncio.gather(*(one(household) for household in chunk)))
        bar.close()
        return customers

    async def _offers(self, offers: Sequence[Offer]) -> None:
        book = OfferBook(self._sql, self._screens, self._clock)
        rows = await self._sql.read(lambda: _offer_ids(self._m))
        bar = self._bars("offers", len(offers))
        bar.skip(sum(offer.offer_id in rows for offer in offers))
        for offer in offers:
            if offer.offer_id not in rows:
                await book.create(self._m, offer)
                if all(effect.__struct_config__.tag == "message" for effect in offer.effects):
                    await book.pause(self._m, offer.offer_id)
                bar.step()
        bar.close()

    # --- sales -----------------------------------------------------------------------------------------------------

    async def sell(self, journey: Journey, shop: Shop) -> int:
        """Write every basket that is not there yet; returns how many that were."""
        bar = self._bars("sales", journey.baskets)
        new = 0
        for visits in _chunks(journey.visits(), BATCH):
            pasts = await asyncio.to_thread(_pasts, visits, journey, shop)
            made = await self._sql.write(lambda pasts=pasts: _sell(self._m, pasts))  # type: ignore[misc]
            bar.skip(len(visits) - made)
            bar.step(made)
            new += made
        bar.close()
        return new


def prices_of(journey: Journey) -> dict[int, int]:
    """Each product's last shelf price for one piece, minor units."""
    prices: dict[int, int] = {}
    for visit in journey.visits():
        for purchase in visit.purchases:
            amount = purchase.received + purchase.card_price + purchase.match
            prices[purchase.product_id] = amount // purchase.quantity or amount
    return prices


def _store(town: Town, address: str) -> NewStore:
    return NewStore(
        name=town.name, address=address, lat=town.lat, lon=town.lon, zone=town.zone, regions=(town.country,)
    )


def _offers(journey: Journey, currency: str, shift: timedelta) -> list[Offer]:
    articles = {article.product_id: article for article in journey.articles}
    campaigns = {campaign.campaign_id: campaign for campaign in journey.campaigns}
    coupons = [
        coupon_offer(coupon, campaigns[coupon.campaign_id], articles, currency, shift) for coupon in journey.coupons
    ]
    return past_offers(currency) + coupons


def _offer_ids(merchant_id: str) -> Job[set[str]]:
    rows = yield Query("select offer_id from offer where merchant_id = ?", (merchant_id,))
    return {row["offer_id"] for row in rows}


def _pasts(visits: Sequence[Visit], journey: Journey, shop: Shop) -> list[Past]:
    found = (past_of(visit, journey.redeemed.get((visit.household, visit.at.date()), ()), shop) for visit in visits)
    return [past for past in found if past is not None]


def _sell(merchant_id: str, pasts: Sequence[Past]) -> Job[int]:
    """Commit the sales that are not there, in one transaction; nobody is told of what is long past."""
    known = yield from _known(merchant_id, pasts)
    fresh = [past for past in pasts if past.checkout_id not in known]
    ids = PastIds()
    for past in fresh:
        yield from commit_past(merchant_id, past, ids)
    yield from tell_nobody(merchant_id, ids)
    return len(fresh)


def _known(merchant_id: str, pasts: Sequence[Past]) -> Job[set[str]]:
    if not pasts:
        return set()
    marks = ", ".join("?" * len(pasts))
    rows = yield Query(
        f"select checkout_id from checkout where merchant_id = ? and checkout_id in ({marks})",
        (merchant_id, *(past.checkout_id for past in pasts)),
    )
    return {row["checkout_id"] for row in rows}


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
