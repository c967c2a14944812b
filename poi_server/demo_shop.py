"""The generated demo shop: a pastry cook's store, and two weeks of sales made by the engine itself."""

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from poi_engine.basket import BasketEntry
from poi_engine.clock import moment
from poi_engine.engine import Engine
from poi_engine.goods.products import Product
from poi_engine.ids import Ids
from poi_engine.ports import Job, OrderTold, Query
from poi_engine.principal import Principal
from poi_engine.session import Session, SessionState
from poi_engine.setup import NewStation, NewStore
from poi_offers.model import Offer
from poi_qr.scan import Scan
from poi_server.demo_catalogue import CARDS, MERCHANT, OFFERS, PRODUCTS, STATIONS, STORE
from poi_server.services import Services

DAYS = 14
SEED = 20
STRANGERS = tuple(f"LOY-{number}" for number in range(101, 113))
HOURS = (8, 9, 10, 11, 12, 12, 13, 15, 16, 16, 17, 17, 18, 18, 19)
BUSY = {1: 6, 2: 7, 3: 8, 4: 8, 5: 10, 6: 15, 7: 12}
"""Sales on an average Monday .. Sunday."""


async def create(services: Services, merchant_id: str) -> None:
    """Make the shop: store, stations, products, offers, customers with cards, and its sales until yesterday."""
    await services.sql.write(lambda: _rename(merchant_id))
    stations = await _stations(services, merchant_id)
    engine = services.engine
    for product in PRODUCTS:
        await engine.products.put(merchant_id, msgspec.convert(product, Product))
    await _customers(engine, merchant_id)
    for offer in OFFERS:
        await engine.offers.create(merchant_id, msgspec.convert(offer, Offer, strict=False))
    await _history(services, merchant_id, stations)


def _rename(merchant_id: str) -> Job[None]:
    yield Query("update merchant set name = ? where merchant_id = ?", (MERCHANT, merchant_id))


async def _stations(services: Services, merchant_id: str) -> list[str]:
    store = await services.setup.add_store(merchant_id, msgspec.convert(STORE, NewStore))
    made = [
        await services.setup.add_station(merchant_id, NewStation(store_id=store.store_id, name=name, vat_rate=550))
        for name in STATIONS
    ]
    return [station.station_id for station in made]


async def _customers(engine: Engine, merchant_id: str) -> None:
    for card, known in CARDS.items():
        birthday = known.get("birthday")
        customer = await engine.customers.create(
            merchant_id,
            known["display_name"],
            language=known["language"],
            birthday=date.fromisoformat(birthday) if birthday else None,
        )
        await engine.customers.link_credential(merchant_id, customer.customer_id, "loyalty", card)


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

    async def session_changed(self, session: Session) -> None: ...

    async def customer_changed(self, merchant_id: str, customer_id: str, notice: str) -> None: ...

    async def sale_committed(self, merchant_id: str, store_id: str, sale_id: str) -> None: ...

    async def offers_changed(self, merchant_id: str) -> None: ...

    async def order_changed(self, merchant_id: str, order: OrderTold) -> None: ...


async def _history(services: Services, merchant_id: str, stations: list[str]) -> None:
    """Two weeks of sales, through the same engine that serves the counter, only earlier."""
    chance = random.Random(SEED)
    zone = ZoneInfo(STORE["zone"])
    today = moment(round(services.clock.now() * 1_000_000)).astimezone(zone).date()
    wiring = services.engine.wiring
    moments = list(_moments(chance, today, zone))
    clock = _PastClock(moments[0].timestamp())
    past = Engine(
        wiring.sql, wiring.sessions, _NobodyWatches(), wiring.connectors, clock, Ids(clock.now, chance.getrandbits)
    )
    for number, at in enumerate(moments):
        clock.seconds = max(clock.seconds, at.timestamp())
        await _sell(past, merchant_id, chance.choice(stations), chance, number)


def _moments(chance: random.Random, today: date, zone: ZoneInfo) -> Iterator[datetime]:
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        count = max(2, round(chance.gauss(BUSY[day.isoweekday()], 2)))
        yield from sorted(
            datetime.combine(day, time(chance.choice(HOURS), chance.randrange(60), chance.randrange(60)), zone)
            for _ in range(count)
        )


async def _sell(engine: Engine, merchant_id: str, station_id: str, chance: random.Random, number: int) -> None:
    session = await engine.stations.open(merchant_id, station_id)
    if chance.random() < 0.65:
        card = chance.choice((*CARDS, *CARDS, *STRANGERS))
        tapped = Scan("loyalty", card, "identify", f"reader:{station_id}", 0.0)
        session = await engine.stations.present(merchant_id, station_id, tapped)
    session = await engine.stations.set_basket(merchant_id, session.session_id, _entries(chance))
    means = "card" if chance.random() < 0.72 else "cash"
    by = Principal(merchant_id=merchant_id, access_id="acc_demo", role="station", subject_id=station_id)
    paid = await _pay(engine, session, means, f"demo-{number}", by)
    if paid.sale_id and chance.random() < 0.03:
        await engine.checkout.refund(merchant_id, paid.sale_id, None, "demo: returned", key=f"back-{number}", by=by)


async def _pay(engine: Engine, session: Session, means: str, key: str, by: Principal) -> Session:
    """Pay as a customer would: a declined card is followed by cash, an answer that is lost is asked for."""
    merchant_id, session_id = session.merchant_id, session.session_id
    if means == "card":
        session = await engine.stations.see_card(merchant_id, session_id)
    if session.decision is None or session.decision_id is None:
        return session
    await engine.checkout.accept(merchant_id, session_id, session.decision_id, session.decision.total, by=by)
    paid = await engine.checkout.pay(merchant_id, session_id, "card" if means == "card" else "cash", key=key, by=by)
    for _ in range(4):
        if paid.state is SessionState.UNKNOWN:
            paid = await engine.checkout.ask_status(merchant_id, session_id)
    if paid.state is SessionState.DECLINED and means == "card":
        again = await engine.stations.forget_card(merchant_id, session_id)
        return await _pay(engine, again, "cash", f"{key}-cash", by)
    return paid


def _entries(chance: random.Random) -> list[BasketEntry]:
    chosen = chance.sample(PRODUCTS[:-1], chance.choice((1, 1, 2, 2, 3, 4)))
    entries = []
    for product in chosen:
        pieces = (
            chance.choice((1, 2, 4, 4, 6))
            if product["category"] == "Pâtisserie/Macarons"
            else chance.choice((1, 1, 1, 2, 3))
        )
        entries.append(BasketEntry(code=product["code"], quantity=pieces * 1000))
    if chance.random() < 0.12:
        entries.append(BasketEntry(label="Livraison", amount=390))
    return entries
