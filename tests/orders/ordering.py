"""What the tests of orders share: goods elsewhere, lines that are not taken away, customers who order."""

from collections.abc import Sequence

from poi_engine.basket import BasketEntry
from poi_engine.orders.addresses import Address
from poi_engine.orders.ahead import Wished
from poi_engine.orders.counter import LineWish
from poi_engine.orders.fulfilment import How
from poi_engine.orders.mending import Mending
from poi_engine.orders.placing import Orderer
from poi_engine.orders.rows import Contact
from poi_engine.orders.views import OrderFilter, OrderView
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.session import Session
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.goods.stocking import stocked

SECOND = "sto_2"
PARIS = Address(name="Ada", country_code="FR", street_address="1 rue de Rivoli", postal_code="75001", city="Paris")
STOCK_CODE = "eclair"


def phone(customer_id: str) -> Principal:
    """The customer's own phone."""
    return Principal(merchant_id=M, access_id=f"acc_{customer_id}", role="phone", subject_id=customer_id)


async def second_store(shop: Shop) -> None:
    """Another store with a station."""

    def job() -> Job[None]:
        yield Query(
            "insert into store (merchant_id, store_id, name, address, lat, lon, zone, regions) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            (M, SECOND, "Gare", "2 rue", 48.85, 2.36, "Europe/Paris", '["FR"]'),
        )
        yield Query(
            "insert into station (merchant_id, store_id, station_id, name, vat_rate, connector) values (?,?,?,?,?,?)",
            (M, SECOND, "sta_3", "sta_3", 2000, "simulator"),
        )

    await shop.sql.write(job)


async def basket(
    shop: Shop,
    *entries: BasketEntry,
    ordered: Sequence[LineWish] = (),
    to: Address | None = None,
    station: str = STATION,
) -> Session:
    """An open session with these lines, some of which are fetched or brought."""
    session = await shop.engine.stations.open(M, station, entries)
    counter = shop.engine.orders.counter
    if to is not None:
        session = await counter.set_contact(M, session.session_id, Contact(name=to.name, address=to))
    return await counter.set_fulfilments(M, session.session_id, ordered) if ordered else session


def line(line_id: str, how: How = "pick_up", place: str | None = "central", store_id: str | None = None) -> LineWish:
    """A line that is not taken away."""
    return LineWish(line_id=line_id, how=how, place=place, store_id=store_id)


def piece(line_id: str, quantity: int = 1000, code: str = STOCK_CODE) -> BasketEntry:
    """A product's line."""
    return BasketEntry(line_id=line_id, code=code, quantity=quantity)


async def order_ahead(
    shop: Shop, customer_id: str, quantity: int = 1000, *, how: How = "pick_up", key: str | None = None
) -> OrderView:
    """An order from the customer's phone."""
    wished = Wished(
        store_id="sto_1",
        how=how,
        entries=(BasketEntry(code=STOCK_CODE, quantity=quantity),),
        address=PARIS if how == "delivery" else None,
    )
    who = Orderer(by=phone(customer_id), channel="phone", customer_id=customer_id)
    return await shop.engine.orders.ahead.place(M, wished, who, key=key or shop.key())


async def all_orders(shop: Shop) -> list[OrderView]:
    """Every order, newest first."""
    return await shop.engine.orders.list(M, OrderFilter())


async def held(shop: Shop, account: str = "stock:sto_1:eclair") -> int:
    """What is held of an account, thousandths."""
    rows = await shop.rows(
        "select debits_pending as held from account where merchant_id = ? and account = ?", (M, account)
    )
    return int(str(rows[0]["held"])) if rows else 0


async def day_of_orders(shop: Shop) -> None:
    """Every statement about orders once."""
    orders = shop.engine.orders
    await stocked(shop, sto_1=9000, central=9000)
    ada = await shop.customer()
    await shop.pay(await shop.accept(await basket(shop, piece("1"), ordered=[line("1", "delivery")], to=PARIS)), "cash")
    first = await order_ahead(shop, ada, how="delivery")
    await orders.confirm_address(M, first.order_id, None, by=phone(ada))
    await shop.pay(await shop.accept(await orders.counter.open_session(M, first.order_id, STATION)), "cash")
    await orders.take_back(M, first.order_id, None, "back", place=None, key="back", by=SELLER)
    second = await order_ahead(shop, ada)
    await orders.mend(M, second.order_id, Mending(name="Ada", wanted_at=second.wanted_at), by=SELLER)
    partner = Principal(merchant_id=M, access_id="acc_p", role="partner", subject_id="par_1", scopes=("orders:write",))
    wished = Wished(store_id="sto_1", entries=(BasketEntry(code=STOCK_CODE),))
    await orders.ahead.place(M, wished, Orderer(by=partner, channel="partner"), key="partner")
    for wanted in (
        OrderFilter(),
        OrderFilter(open=True, store_id="sto_1"),
        OrderFilter(state="paid"),
        OrderFilter(day=second.day, how="delivery", store_id="sto_1"),
    ):
        await orders.list(M, wanted, after=first.order_id)
        await orders.list(M, wanted)
    assert len(await orders.list(M, OrderFilter(), customer_id=ada)) == 2
    await orders.owned(M, second.order_id, ada)
    shop.clock.forward(86_400 * 60)
    await orders.round()
    await order_ahead(shop, ada)
    await shop.engine.customers.erase(M, ada, by=SELLER)
