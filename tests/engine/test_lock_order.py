"""One order of locks: tills, stockroom, phones and refunds cross on PostgreSQL, and none waits in a circle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.goods.stock import OutOfStock
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.session import Session
from poi_engine.storage import postgres
from poi_engine.storage.postgres_writer import PostgresWriter
from poi_engine.storage.redis import RedisSessions
from poi_engine.storage.tickets import Ticket
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import Cashback, PercentOff
from tests.engine.dwelling import DwellingSql
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop, processes_of
from tests.goods.stocking import stocked
from tests.orders.ordering import order_ahead

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]
DEADLOCK = "40P01"
ROUNDS = 6
PROCESSES = 5
LOCKS = ("update account", "update customer", "update orders")


class Watched(PostgresWriter):
    """Counts what stood in its way."""

    disturbed: ClassVar[Counter[str]] = Counter()

    async def _transact(self, ticket: Ticket) -> None:
        try:
            await super()._transact(ticket)
        except Exception as error:
            self.disturbed[str(getattr(error, "sqlstate", ""))] += 1
            raise


@pytest.fixture
async def processes(
    postgres_url: str, sessions: RedisSessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[Shop]]:
    """Several processes' engines on one PostgreSQL that tells a deadlock from a wait at once."""
    monkeypatch.setattr(postgres, "PostgresWriter", Watched)
    Watched.disturbed.clear()
    joint = "&" if "?" in postgres_url else "?"
    url = f"{postgres_url}{joint}deadlock_timeout=20ms"
    sqls = [DwellingSql(url, 0.002, LOCKS) for _ in range(PROCESSES)]
    async with processes_of(sqls, sessions, tmp_path) as made:
        yield made


async def test_whatever_crosses_nothing_waits_in_a_circle(processes: list[Shop]) -> None:
    till, other, stockroom, phone, desk = processes
    await _offers(till)
    for code in ("eclair", "tarte"):
        await stocked(till, code, sto_1=2000, central=50_000)
    ada = await till.customer("Ada")
    sold = [await _sell(till, STATION, ada) for _ in range(ROUNDS)]
    await asyncio.gather(
        _sells(till, STATION, ada),
        _sells(other, OTHER_STATION, ada),
        _counts(stockroom),
        _orders(phone, ada),
        _takes_back(desk, sold),
    )
    assert Watched.disturbed[DEADLOCK] == 0, Watched.disturbed


async def _offers(shop: Shop) -> None:
    for offer_id, effect, limit in (
        ("off_all", PercentOff(percent=1000), Limit(of="uses", cap=10_000)),
        ("off_own", Cashback(amount=10), Limit(of="uses", cap=1000, per="customer")),
    ):
        await shop.engine.offers.create(
            M, Offer(offer_id=offer_id, name={"en": offer_id}, currency="EUR", effects=(effect,), limits=(limit,))
        )


async def _sell(shop: Shop, station: str, customer_id: str) -> str:
    """More than is on file lies on the counter: it is found, and sold."""
    entries = [BasketEntry(code="tarte", quantity=3000), BasketEntry(code="eclair", quantity=3000)]
    session = await shop.engine.stations.open(M, station, entries)
    session = await shop.identify(session, customer_id)
    paid = await shop.pay(await _accepted(shop, session), "cash", key=shop.ids.new("key"))
    return paid.sale_id or ""


async def _accepted(shop: Shop, session: Session) -> Session:
    """Asked again while others take what was found, time after time."""
    while True:
        with suppress(OutOfStock):
            return await shop.accept(session)


async def _sells(shop: Shop, station: str, customer_id: str) -> None:
    for _ in range(ROUNDS):
        await _sell(shop, station, customer_id)


async def _counts(shop: Shop) -> None:
    """Counted, moved and found: in the order in which a person wrote it down."""
    for number in range(ROUNDS * 2):
        lines = tuple(MovedLine(code=code, quantity=1000 + number) for code in ("tarte", "eclair"))
        counted = NewMovement(kind="counted", place="sto_1", lines=lines)
        moved = NewMovement(kind="moved", place="central", to="sto_1", lines=lines)
        for asked in (counted, moved):
            await shop.engine.stock.move(M, asked, key=shop.ids.new("key"), by=SELLER)


async def _orders(shop: Shop, customer_id: str) -> None:
    """Ordered, and given up again, while the customer buys at the counter."""
    for _ in range(ROUNDS):
        try:
            order = await order_ahead(shop, customer_id, key=shop.ids.new("key"))
        except Conflict as error:
            assert error.code == "not-in-stock"
            continue
        await shop.engine.orders.move(M, order.order_id, "cancelled", "", by=SELLER)


async def _takes_back(shop: Shop, sale_ids: Sequence[str]) -> None:
    for sale_id in sale_ids:
        await shop.engine.checkout.refund(M, sale_id, None, "broken", key=shop.ids.new("key"), by=SELLER)
