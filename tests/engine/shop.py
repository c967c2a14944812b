"""A shop for the engine's tests: one merchant, a store in Paris, two stations, products, and the shipped engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from poi_engine.basket import BasketEntry
from poi_engine.clock import moment
from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.connectors.simulator_book import Operation
from poi_engine.engine import Engine
from poi_engine.goods.products import Product
from poi_engine.ids import Ids
from poi_engine.ports import Job, OrderTold, PaymentConnector, Query, Sessions, Sql
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_engine.setup import Setup
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.verify import verify
from poi_engine.wiring import Trace, untraced

M = "mer_1"
STATION = "sta_1"
OTHER_STATION = "sta_2"
START = 1_795_352_400.0  # Sunday 22 November 2026, 13:00 UTC, 14:00 in Paris
SELLER = Principal(merchant_id=M, access_id="acc_seller", role="seller", subject_id="sel_1")


class FakeClock:
    """A clock that moves when told, and a microsecond each time it is read."""

    def __init__(self, start: float = START) -> None:
        self.seconds = start

    def now(self) -> float:
        """UTC seconds."""
        self.seconds += 0.000_001
        return self.seconds

    def monotonic(self) -> float:
        """The same seconds."""
        return self.seconds

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class Seen:
    """Screens that remember what they were shown."""

    sessions: list[Session] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    sales: list[str] = field(default_factory=list)
    offers: int = 0
    orders: list[OrderTold] = field(default_factory=list)

    async def session_changed(self, session: Session, *, to: str = "all") -> None:
        """Keep it."""
        self.sessions.append(session)

    async def session_left(self, session: Session, station_id: str) -> None:
        """Keep it."""
        self.left.append((session.session_id, station_id))

    async def customer_changed(self, merchant_id: str, customer_id: str, notice: str) -> None:
        """Keep it."""
        self.notices.append((customer_id, notice))

    async def sale_committed(self, merchant_id: str, store_id: str, sale_id: str) -> None:
        """Keep it."""
        self.sales.append(sale_id)

    async def offers_changed(self, merchant_id: str) -> None:
        """Count it."""
        self.offers += 1

    async def order_changed(self, merchant_id: str, order: OrderTold) -> None:
        """Keep it."""
        self.orders.append(order)


@dataclass(frozen=True)
class Card:
    """A tap or a scan."""

    scheme: str
    subject: str
    assurance: str = "identify"
    source: str = "reader-1"
    seen_at: float = START
    evidence: tuple[tuple[str, str], ...] = ()


PRODUCTS = (
    Product(code="eclair", label="Éclair", unit_price=350, category="food/pastry", vat_rate=550, gtin="3012345678902"),
    Product(code="tarte", label="Tarte", unit_price=1890, category="food/pastry", vat_rate=550),
    Product(code="cafe", label="Café", unit_price=220, category="food/drink", vat_rate=1000),
)


def merchant_rows(settings: str = "{}") -> Job[None]:
    """One merchant, one store, two stations."""
    yield Query(
        "insert into merchant (merchant_id, name, currency, language, settings, created_at) values (?, ?, ?, ?, ?, ?)",
        (M, "Boulangerie", "EUR", "fr", settings, 0),
    )
    yield Query(
        "insert into store (merchant_id, store_id, name, address, lat, lon, zone, regions) values (?,?,?,?,?,?,?,?)",
        (M, "sto_1", "Centre", "1 rue", 48.8566, 2.3522, "Europe/Paris", '["FR","FR-75"]'),
    )
    for station_id in (STATION, OTHER_STATION):
        yield Query(
            "insert into station (merchant_id, store_id, station_id, name, vat_rate, connector) values (?,?,?,?,?,?)",
            (M, "sto_1", station_id, station_id, 2000, "simulator"),
        )


class Shop:
    """The engine on real storage with a terminal that keeps a book; `restart` builds it anew, as after a crash."""

    def __init__(self, sql: Sql, sessions: Sessions, folder: Path, *, card_before_amount: bool = True) -> None:
        self.sql = sql
        self.sessions = sessions
        self.clock = FakeClock()
        self.seen = Seen()
        self.terminal = SimulatorConnector(folder / "book.db", self.clock, card_before_amount=card_before_amount)
        self.ids = Ids(self.clock.now)
        self.connectors: Mapping[str, PaymentConnector] = {"simulator": self.terminal}
        self.engine = self.build()
        self._keys = count(1)

    def build(self, trace: Trace = untraced, *, exclusive: bool = True) -> Engine:
        """A new engine on the same storage."""
        parts = (self.sql, self.sessions, self.seen, self.connectors, self.clock, self.ids)
        return Engine(*parts, trace=trace, exclusive=exclusive)

    def beside(self, sql: Sql) -> "Shop":
        """Another process of the shop, on connections of its own."""
        other = copy(self)
        other.sql = sql
        other.engine = other.build()
        return other

    async def setup(self, settings: str = "{}") -> "Shop":
        """The merchant's rows and products."""
        await self.sql.write(lambda: merchant_rows(settings))
        for product in PRODUCTS:
            await self.engine.products.put(M, product)
        return self

    async def restart(self) -> None:
        """Forget everything in memory, then recover."""
        self.engine = self.build()
        await self.engine.recovery.run()

    def key(self) -> str:
        """A new idempotency key."""
        return f"key-{next(self._keys)}"

    async def basket(self, *amounts: int, station: str = STATION) -> Session:
        """An open session with plain amounts."""
        return await self.engine.stations.open(M, station, [BasketEntry(amount=amount) for amount in amounts])

    async def accept(self, session: Session) -> Session:
        """Accept what the session shows."""
        assert session.decision is not None
        assert session.decision_id is not None
        return await self.engine.checkout.accept(
            M, session.session_id, session.decision_id, session.decision.total, by=SELLER
        )

    async def pay(
        self, session: Session, means: str = "card", key: str | None = None, amount: int | None = None, **how: Any
    ) -> Session:
        """Pay what was accepted, or a part of it."""
        pay = self.engine.checkout.pay
        named = {"key": key or self.key(), "by": SELLER, "station_id": session.station_id}
        return await pay(M, session.session_id, means, amount, **named, **how)  # type: ignore[arg-type]

    async def sell(self, *amounts: int, means: str = "card", customer_id: str | None = None) -> Session:
        """A whole sale."""
        session = await self.basket(*amounts)
        if customer_id is not None:
            session = await self.identify(session, customer_id)
        return await self.pay(await self.accept(session), means)

    async def identify(self, session: Session, customer_id: str, assurance: str = "authenticate") -> Session:
        """Identify a customer as surely as said."""
        return await self.engine.stations.identify(
            M, session.session_id, customer_id, scheme="poi1", assurance=assurance, source="test"
        )

    async def customer(self, name: str = "Ada") -> str:
        """A new customer's id."""
        return (await self.engine.customers.create(M, name)).customer_id

    async def rows(self, text: str, values: Sequence[object] = ()) -> list[dict[str, object]]:
        """What a statement reads."""

        def job() -> Job[list[dict[str, object]]]:
            return [dict(row) for row in (yield Query(text, values))]

        return await self.sql.read(job)

    async def balance(self, account: str) -> int:
        """What is available on an account."""
        rows = await self.rows(
            "select cast(coalesce(sum(credits - debits - debits_pending), 0) as bigint) as left_ from account"
            " where merchant_id = ? and account = ?",
            (M, account),
        )
        return int(str(rows[0]["left_"]))

    async def operations(self) -> list[Operation]:
        """The terminal's book."""
        return await asyncio.to_thread(self.terminal.book.operations)

    async def close(self) -> None:
        """Close the terminal's book."""
        await asyncio.shield(self.terminal.close())


@asynccontextmanager
async def processes_of(
    sqls: Sequence[SqliteSql | PostgresSql], sessions: Sessions, folder: Path
) -> AsyncIterator[list[Shop]]:
    """A process of one shop for each of these connections to its storage; at the end its invariants must hold."""
    made = [Shop(sql, sessions, folder) for sql in sqls]
    await made[0].setup()
    await Setup(sqls[0], made[0].ids).load_zones()
    yield made
    findings = await verify(sqls[0])
    for shop, sql in zip(made, sqls, strict=True):
        await shop.close()
        await sql.close()
    assert findings == []


__all__ = ["OTHER_STATION", "SELLER", "STATION", "Card", "FakeClock", "M", "Seen", "Shop", "moment", "processes_of"]
