"""Prices over time: every change with who and when, and prices planned from a moment on.

A planned price starts by itself: the engine's round, every 20 seconds, makes it the product's price.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from poi_engine.catalogue.offer_rows import next_version
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, micros_of, moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal

_MOST = 100  # planned prices a product
_AT_ONCE = 200  # planned prices a transaction


class PriceChange(Struct, frozen=True, kw_only=True):
    """A price a product was given, minor units; `before` is None for its first."""

    before: int | None
    after: int
    who: str
    at: datetime


class PlannedPrice(Struct, frozen=True, kw_only=True):
    """A price to come, minor units."""

    plan_id: str
    code: str
    unit_price: int
    starts_at: datetime
    who: str


class PriceHistory(Struct, frozen=True, kw_only=True):
    """What a product cost, newest first, and what it will cost, soonest first."""

    changes: tuple[PriceChange, ...]
    planned: tuple[PlannedPrice, ...]


class Prices:
    """The prices' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def history(self, merchant_id: str, code: str, *, limit: int = 100) -> PriceHistory:
        """The product's prices."""
        return await self._sql.read(lambda: _history(merchant_id, code, limit))

    async def plan(
        self, merchant_id: str, code: str, unit_price: int, starts_at: datetime, *, who: str
    ) -> PlannedPrice:
        """Have the product cost `unit_price` minor units from `starts_at` on."""
        at = micros(self._clock.now())
        if micros_of(starts_at) <= at:
            raise RequestError("starts-in-the-past", "A planned price starts later than now.", path="$.starts_at")
        plan_id = self._ids.new("prp")
        made = PlannedPrice(plan_id=plan_id, code=code, unit_price=unit_price, starts_at=starts_at, who=who)
        await self._sql.write(lambda: _plan(merchant_id, made, at))
        return made

    async def cancel(self, merchant_id: str, code: str, plan_id: str, *, by: Principal) -> None:
        """Take back a planned price that has not started; audited with what it would have been."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            why = yield from _cancel(merchant_id, code, plan_id, at)
            yield insert_audit(merchant_id, audit_id, by.who, "cancel-price", code, why, at, by.station_id)

        await self._sql.write(job)

    async def start_due(self) -> int:
        """Make every planned price whose moment has come the product's price; returns how many."""
        at = micros(self._clock.now())
        started = 0
        for merchant_id in await self._sql.read(lambda: _merchants_due(at)):
            while count := await self._sql.write(lambda m=merchant_id: _start(m, self._ids, at)):  # type: ignore[misc]
                started += count
        return started


def price_changes(merchant_id: str, prices: Mapping[str, int], who: str, *, ids: Ids, at: int) -> Job[None]:
    """Note the prices that differ from those on file, before they are written. {code: minor units}."""
    marks = ", ".join("?" * len(prices))
    rows = yield Query(
        f"select code, unit_price from product where merchant_id = ? and code in ({marks})", (merchant_id, *prices)
    )
    before = {row["code"]: row["unit_price"] for row in rows}
    changed = [(code, before.get(code), price) for code, price in prices.items() if before.get(code) != price]
    if changed:
        yield _insert_changes(merchant_id, changed, who, ids, at)


def _insert_changes(
    merchant_id: str, changed: Iterable[tuple[str, int | None, int]], who: str, ids: Ids, at: int
) -> Query:
    rows = [(merchant_id, code, ids.new("prc"), before, after, who, at) for code, before, after in changed]
    return Query(
        "insert into price_change (merchant_id, code, change_id, before, after, who, created_at) values "
        + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(rows)),
        [value for row in rows for value in row],
    )


def _history(merchant_id: str, code: str, limit: int) -> Job[PriceHistory]:
    yield from _price_now(merchant_id, code)
    changes = yield Query(
        "select before, after, who, created_at from price_change where merchant_id = ? and code = ? "
        "order by change_id desc limit ?",
        (merchant_id, code, limit),
    )
    planned = yield from _planned(merchant_id, code)
    return PriceHistory(
        changes=tuple(
            PriceChange(before=row["before"], after=row["after"], who=row["who"], at=moment(row["created_at"]))
            for row in changes
        ),
        planned=tuple(_view(row) for row in planned),
    )


def _planned(merchant_id: str, code: str) -> Job[list[Row]]:
    rows = yield Query(
        "select plan_id, code, unit_price, starts_at, who from price_plan where merchant_id = ? and code = ? "
        "and state = 'planned'",
        (merchant_id, code),
    )
    return sorted(rows, key=lambda row: (row["starts_at"], row["plan_id"]))


def _view(row: Row) -> PlannedPrice:
    return PlannedPrice(
        plan_id=row["plan_id"],
        code=row["code"],
        unit_price=row["unit_price"],
        starts_at=moment(row["starts_at"]),
        who=row["who"],
    )


def _price_now(merchant_id: str, code: str) -> Job[int]:
    rows = yield Query("select unit_price from product where merchant_id = ? and code = ?", (merchant_id, code))
    if not rows:
        raise NotFound("product", code)
    return int(rows[0]["unit_price"])


def _plan(merchant_id: str, made: PlannedPrice, at: int) -> Job[None]:
    yield from _price_now(merchant_id, made.code)
    if len((yield from _planned(merchant_id, made.code))) >= _MOST:
        raise Conflict("too-many-plans", f"A product has at most {_MOST} planned prices.")
    yield Query(
        "insert into price_plan (merchant_id, plan_id, code, unit_price, starts_at, state, who, created_at, changed_at)"
        " values (?, ?, ?, ?, ?, 'planned', ?, ?, ?)",
        (
            *(merchant_id, made.plan_id, made.code, made.unit_price, micros_of(made.starts_at)),
            *(made.who, at, at),
        ),
    )


def _cancel(merchant_id: str, code: str, plan_id: str, at: int) -> Job[str]:
    """What is taken back, in words for the audit."""
    rows = yield Query(
        "update price_plan set state = 'cancelled', changed_at = ? where merchant_id = ? and plan_id = ? and code = ? "
        "and state = 'planned' returning unit_price, starts_at",
        (at, merchant_id, plan_id, code),
    )
    if not rows:
        raise NotFound("planned price", plan_id)
    return f"{rows[0]['unit_price']} from {moment(rows[0]['starts_at']):%Y-%m-%dT%H:%MZ}"


def _merchants_due(at: int) -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    due = []
    for row in rows:
        found = yield Query(
            "select 1 as one from price_plan where merchant_id = ? and state = 'planned' and starts_at <= ? limit 1",
            (row["merchant_id"], at),
        )
        due += [row["merchant_id"]] if found else []
    return due


def _start(merchant_id: str, ids: Ids, at: int) -> Job[int]:
    """The plans that are due, in the order of their starts; another process that does the same finds them done."""
    rows = yield Query(
        "select plan_id, code, unit_price, starts_at, who from price_plan where merchant_id = ? and state = 'planned' "
        "and starts_at <= ? order by starts_at limit ?",
        (merchant_id, at, _AT_ONCE),
    )
    for row in sorted(rows, key=lambda row: (row["starts_at"], row["plan_id"])):
        mine = yield Query(
            "update price_plan set state = 'done', changed_at = ? where merchant_id = ? and plan_id = ? "
            "and state = 'planned' returning plan_id",
            (at, merchant_id, row["plan_id"]),
        )
        if mine:
            yield from next_version(merchant_id)
            yield from price_changes(merchant_id, {row["code"]: row["unit_price"]}, row["who"], ids=ids, at=at)
            yield Query(
                "update product set unit_price = ? where merchant_id = ? and code = ?",
                (row["unit_price"], merchant_id, row["code"]),
            )
    return len(rows)
