"""The demo shops, made whole through the engine's own services: goods, people, weeks of sales, a campaign, orders."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from poi_engine.basket import BasketEntry
from poi_engine.campaigns.model import CampaignDraft
from poi_engine.checkout.commit import sale_of
from poi_engine.clock import moment
from poi_engine.engine import Engine
from poi_engine.errors import Conflict
from poi_engine.goods.products import line_of
from poi_engine.goods.sheets import ProductSheet
from poi_engine.goods.stock import CENTRAL
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ids import Ids
from poi_engine.orders.addresses import Address
from poi_engine.orders.ahead import Wished
from poi_engine.orders.placing import Orderer
from poi_engine.ports import Job, OrderTold, Query
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_engine.settings import Counter, ReferralProgramme, read_merchant, write_setting
from poi_engine.setup import NewStation, NewStore
from poi_engine.staff.sellers import NewSeller
from poi_offers.model import Offer
from poi_offers.situation import SaleItem
from poi_server.demo.catalogue import PASTRY
from poi_server.demo.clothing import CLOTHING
from poi_server.demo.drawings import picture
from poi_server.demo.past import Scene, Visit, sell
from poi_server.demo.people import make_regulars
from poi_server.demo.plan import DemoShop, Ordered, Ware
from poi_server.services import Services

SHOPS: Mapping[str, DemoShop] = {"pastry": PASTRY, "clothing": CLOTHING}
DAYS, CAMPAIGN_DAYS = 42, 14
"""Days of sales before today; for so many of them, and as many to come, the campaign lasts."""
SEED = 20
BATCH = 100
"""Sales a transaction."""
REFUNDS = 4


@dataclass(frozen=True, slots=True)
class Made:
    """What a demo shop needs to be told once: the staff's PINs by name."""

    pins: Mapping[str, str]


async def create(services: Services, merchant_id: str, kind: str = "pastry") -> Made:
    """Make the shop of a merchant that has none yet: all of it, and its sales until yesterday."""
    async with services.engine.fiscal.paused():  # the past is written day by day: no clock closes it meanwhile
        return await _Maker(services, merchant_id, SHOPS[kind]).make()


class _PastClock:
    """A clock that stands where the history has come to."""

    def __init__(self, start: float) -> None:
        self.seconds = start

    def now(self) -> float:
        self.seconds += 0.05
        return self.seconds

    def monotonic(self) -> float:
        return self.now()


class _NobodyWatches:
    """The screens of a time when there was no server."""

    async def session_changed(self, session: Session, *, to: str = "all") -> None: ...

    async def session_left(self, session: Session, station_id: str) -> None: ...

    async def customer_changed(self, merchant_id: str, customer_id: str, notice: str) -> None: ...

    async def sale_committed(self, merchant_id: str, store_id: str, sale_id: str) -> None: ...

    async def offers_changed(self, merchant_id: str) -> None: ...

    async def order_changed(self, merchant_id: str, order: OrderTold) -> None: ...


class _Maker:
    def __init__(self, services: Services, merchant_id: str, plan: DemoShop) -> None:
        self._services = services
        self._engine = services.engine
        self._m = merchant_id
        self._plan = plan
        self._chance = random.Random(SEED)
        self._zone = ZoneInfo(plan.stores[0]["zone"])
        self._today = moment(round(services.clock.now() * 1_000_000)).astimezone(self._zone).date()
        self._first = self._today - timedelta(days=DAYS)
        self._by = Principal(merchant_id=merchant_id, access_id="acc_demo", role="owner", subject_id="owner")
        wiring = services.engine.wiring
        self._clock = _PastClock(self._at(self._first, "06:00").timestamp())
        self._past = Engine(
            wiring.sql,
            wiring.sessions,
            _NobodyWatches(),
            wiring.connectors,
            self._clock,
            Ids(self._clock.now),
        )

    async def make(self) -> Made:
        await self._services.sql.write(self._name)
        stores = [
            (await self._services.setup.add_store(self._m, msgspec.convert(store, NewStore))).store_id
            for store in self._plan.stores
        ]
        stations = [await self._station(stores[place], name) for place, name in self._plan.stations]
        await self._goods()
        sellers = await self._staff()
        for offer in self._plan.offers:
            await self._past.offers.create(self._m, msgspec.convert(offer, Offer, strict=False))
        await self._friends()
        regulars, cards = await make_regulars(self._past, self._m, self._plan, stores, sellers[0], self._chance)
        counters = [await self._past.places.counter(self._m, station) for station in stations]
        scene = Scene(self._plan, _by_store(stores, counters), sellers, _goods_of(self._plan), self._zone)
        yesterday = self._today - timedelta(days=1)
        await self._history(scene.visits(regulars, self._first, yesterday, self._chance))
        await self._stock(stores)
        for number, ordered in enumerate(self._plan.orders):
            await self._order(ordered, f"demo-order-{number}", stores[0], stations[1], cards[ordered.card])
        await self._segments()
        await self._suggest()
        return Made({clerk.person["name"]: clerk.pin for clerk in self._plan.staff})

    def _at(self, day: date, clock: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(clock), self._zone)

    def _name(self) -> Job[None]:
        yield Query("update merchant set name = ? where merchant_id = ?", (self._plan.merchant, self._m))

    async def _station(self, store_id: str, name: str) -> str:
        new = NewStation(store_id=store_id, name=name, vat_rate=self._plan.vat_rate)
        return (await self._services.setup.add_station(self._m, new)).station_id

    # --- goods, staff, offers ----------------------------------------------------------------------------------------

    async def _goods(self) -> None:
        """Families before their variants; the pictures are drawn in threads."""
        for variants in (False, True):
            wares = [ware for ware in self._plan.wares if ("parent" in ware.sheet) is variants]
            await asyncio.gather(*(self._product(ware) for ware in wares))
        await asyncio.gather(*(self._picture(ware) for ware in self._plan.wares if ware.drawing))

    async def _product(self, ware: Ware) -> None:
        await self._engine.sheets.put(self._m, msgspec.convert(ware.sheet, ProductSheet), who=self._by.who)

    async def _picture(self, ware: Ware) -> None:
        png = await asyncio.to_thread(picture, *ware.drawing)
        await self._engine.pictures.add(self._m, ware.sheet["code"], png)

    async def _staff(self) -> list[str]:
        """Everybody with their PIN; returns those who sell and take payments, as records name them."""
        sellers = []
        for clerk in self._plan.staff:
            person = msgspec.convert(clerk.person, NewSeller)
            made = await self._services.sellers.add(self._m, person, by=self._by)
            await self._services.sellers.set_pin(self._m, made.seller_id, clerk.pin, by=self._by)
            if made.role != "auditor" and made.take_payment:
                sellers.append(f"seller:{made.seller_id}")
        return sellers

    async def _friends(self) -> None:
        """What a friend's word is worth, if anything."""
        if self._plan.friend is None:
            return
        offer = msgspec.convert(self._plan.friend, Offer, strict=False)
        await self._past.offers.create(self._m, offer)
        rules = ReferralProgramme(open=True, friend_offer_id=offer.offer_id, referrer_offer_id=offer.offer_id)
        await self._services.sql.write(lambda: write_setting(self._m, "referral", rules))

    # --- the weeks before --------------------------------------------------------------------------------------------

    async def _history(self, visits: Sequence[Visit]) -> None:
        """What was sold before the campaign and with it; at the end something comes back."""
        begins = self._at(self._today - timedelta(days=CAMPAIGN_DAYS), "00:00")
        await self._sell([visit for visit in visits if visit.at < begins])
        self._clock.seconds = begins.timestamp()
        draft = msgspec.convert(self._plan.campaign, CampaignDraft)
        last = self._today + timedelta(days=CAMPAIGN_DAYS)
        draft = msgspec.structs.replace(draft, first=begins.date(), last=last)
        made = await self._past.campaigns.create(self._m, draft, by=self._by)
        await self._past.campaigns.start(self._m, made.campaign_id, by=self._by)
        later = [visit for visit in visits if visit.at >= begins]
        sold = await self._sell(later)
        self._clock.seconds = visits[-1].at.timestamp() + 60
        cash = [checkout for checkout, visit in zip(sold, later, strict=True) if visit.card is None]
        for checkout_id in cash[-REFUNDS:]:
            reason = "un article abîmé"
            await self._past.checkout.refund(
                self._m, sale_of(checkout_id), None, reason, key=f"demo-{checkout_id}", by=self._by
            )

    async def _sell(self, visits: Sequence[Visit]) -> list[str]:
        merchant = await self._services.sql.read(lambda: read_merchant(self._m))
        catalogue = await self._past.offers.catalogue(self._m)
        sold: list[str] = []
        for start in range(0, len(visits), BATCH):
            some = visits[start : start + BATCH]
            sold += await self._services.sql.write(lambda some=some: sell(merchant, some, catalogue))  # type: ignore[misc]
        return sold

    async def _segments(self) -> None:
        """The round of today found an empty shop: once more."""
        await self._services.sql.write(self._not_judged)
        await self._engine.segments.settle(self._m)

    def _not_judged(self) -> Job[None]:
        yield Query("delete from segment_round where merchant_id = ?", (self._m,))

    async def _suggest(self) -> None:
        """From all of it: a round that began meanwhile has seen a part."""
        while True:
            try:
                await self._engine.suggestions.compute(self._m)
            except Conflict:
                await asyncio.sleep(0.2)
            else:
                return

    # --- stock and orders --------------------------------------------------------------------------------------------

    async def _stock(self, stores: Sequence[str]) -> None:
        """What lies at central and in the stores this morning."""
        for number, place in enumerate((CENTRAL, *stores)):
            lines = tuple(
                MovedLine(code=ware.sheet["code"], quantity=ware.stock[number] * 1000)
                for ware in self._plan.wares
                if ware.stock and ware.stock[number]
            )
            arrived = NewMovement(kind="received", place=place, lines=lines, why="Arrivage du matin")
            await self._engine.stock.move(self._m, arrived, key=f"demo-stock-{number}", by=self._by)

    async def _order(self, ordered: Ordered, key: str, store_id: str, station_id: str, customer_id: str) -> None:
        """Placed by the customer, and brought on as far as it has come."""
        when = ordered.when and self._at(self._today + timedelta(days=ordered.when[0]), ordered.when[1])
        wished = Wished(
            store_id=store_id,
            how="delivery" if ordered.address else "pick_up",
            entries=tuple(BasketEntry(code=code, quantity=pieces * 1000) for code, pieces in ordered.entries),
            name=ordered.name,
            note=ordered.note,
            address=msgspec.convert(ordered.address, Address) if ordered.address else None,
            wanted_at=when,
        )
        who = self._by
        if ordered.channel == "phone":
            who = msgspec.structs.replace(who, role="phone", subject_id=customer_id)
        orderer = Orderer(by=who, channel=ordered.channel, customer_id=customer_id)
        order = await self._engine.orders.ahead.place(self._m, wished, orderer, key=key)
        if ordered.paid:
            await self._pay(order.order_id, station_id, key)
        for state in ordered.moves:
            await self._engine.orders.move(self._m, order.order_id, state, "", by=self._by)  # type: ignore[arg-type]

    async def _pay(self, order_id: str, station_id: str, key: str) -> None:
        """Paid ahead in cash, at a station that then stands ready for the next."""
        session = await self._engine.orders.counter.open_session(self._m, order_id, station_id, ahead=True)
        assert session.decision is not None and session.decision_id is not None
        total = session.decision.total
        checkout = self._engine.checkout
        await checkout.accept(self._m, session.session_id, session.decision_id, total, by=self._by)
        await checkout.pay(self._m, session.session_id, "cash", key=f"{key}-paid", by=self._by)
        await self._engine.stations.open(self._m, station_id)


def _by_store(stores: Sequence[str], counters: Sequence[Counter]) -> list[list[Counter]]:
    return [[counter for counter in counters if counter.store_id == store_id] for store_id in stores]


def _goods_of(plan: DemoShop) -> dict[str, SaleItem]:
    """Each product as a line of a basket, by code."""
    sheets = [msgspec.convert(ware.sheet, ProductSheet) for ware in plan.wares]
    return {sheet.code: line_of(sheet, "1", 1000) for sheet in sheets}
