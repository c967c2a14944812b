"""Goods that staff move: received, moved between places, counted, lost, found; and what they see of the stock."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, msgpack

from poi_engine import ledger
from poi_engine.catalogue.offer_rows import next_version
from poi_engine.checkout.promise import Key, keep_answer, key_of, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import moment
from poi_engine.errors import InternalError, NotFound, RequestError
from poi_engine.goods.products import Product, find_product
from poi_engine.goods.stock import (
    CENTRAL,
    FOUND,
    LOST,
    RECEIVED,
    STOCK,
    OutOfStock,
    Place,
    check_place,
    levels,
    places,
    stock_account,
)
from poi_engine.ids import Ids
from poi_engine.ledger import Insufficient, Move
from poi_engine.ports import Job, Query, Row
from poi_engine.principal import Principal
from poi_engine.wiring import Wiring

MAX_LINES = 500
MAX_QUANTITY = 1_000_000_000
_TRIES = 3

MovementKind = Literal["received", "moved", "counted", "lost", "found"]


_ELSEWHERE: Mapping[MovementKind, tuple[str, ...]] = {
    "received": (RECEIVED,),
    "found": (FOUND,),
    "lost": (LOST,),
    "counted": (FOUND, LOST),
    "moved": (),
}
"""Where the goods of a movement come from, and where they go."""


class MovedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product by code or GTIN and thousandths of its unit; of a count, what lies there for sale."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]


class NewMovement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods that come, go or are counted at a place: a store's id or `central`; `to` is where goods are moved."""

    kind: MovementKind
    place: Annotated[str, Meta(min_length=1, max_length=64)]
    lines: Annotated[tuple[MovedLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    to: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    why: Annotated[str, Meta(max_length=300)] = ""


class ChangedLine(Struct, frozen=True, kw_only=True):
    """What a movement changed at its place (thousandths, below zero: gone), and what is available there now."""

    code: str
    change: int
    available: int


class Movement(Struct, frozen=True, kw_only=True):
    """A movement as it was recorded."""

    movement_id: str
    kind: MovementKind
    place: str
    to: str | None
    who: str
    why: str
    at: datetime
    lines: tuple[ChangedLine, ...]


class PlaceStock(Struct, frozen=True, kw_only=True):
    """A product at a place, thousandths: `available`, and `held` by checkouts under way. `central` has no name."""

    place: str
    name: str
    available: int
    held: int


class LowStock(Struct, frozen=True, kw_only=True):
    """A product of which little is left at a place."""

    code: str
    label: str
    unit: str
    low_stock: int
    available: int


class StockEntry(Struct, frozen=True, kw_only=True):
    """A line of a product's stock at a place: `change` thousandths, and the sale or movement that made it."""

    entry_id: str
    kind: Literal["sold", "returned", "received", "moved", "counted", "lost", "found"]
    change: int
    subject_id: str
    at: datetime
    who: str = ""
    why: str = ""


class Stockroom:
    """The stock's service."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring

    async def places(self, merchant_id: str) -> list[Place]:
        """Where goods may lie: central, then the stores."""
        return await self._w.sql.read(lambda: places(merchant_id))

    async def levels(
        self, merchant_id: str, codes: Sequence[str], place: str | None = None
    ) -> dict[str, dict[str, int]]:
        """{code: {place: available thousandths}} of the tracked ones, everywhere or at one place and central."""
        at = None if place is None else (CENTRAL, place)
        return await self._w.sql.read(lambda: levels(merchant_id, codes, at))

    async def of_product(self, merchant_id: str, code: str) -> list[PlaceStock]:
        """A product at every place; nothing when it is not tracked."""
        return await self._w.sql.read(lambda: product_stock(merchant_id, code))

    async def low(self, merchant_id: str, place: str, *, limit: int = 100, after: str = "") -> list[LowStock]:
        """What runs out at a place, by code: products at or below their mark."""
        return await self._w.sql.read(lambda: _low(merchant_id, place, limit, after))

    async def entries(
        self, merchant_id: str, code: str, place: str, *, limit: int = 50, before: str = ""
    ) -> list[StockEntry]:
        """What changed a product's stock at a place, newest first; `before` is the last page's last entry."""
        return await self._w.sql.read(lambda: _entries(merchant_id, code, place, limit, before))

    async def move(self, merchant_id: str, asked: NewMovement, *, key: str, by: Principal) -> Movement:
        """Record a movement, once per key. What is received or counted is tracked from then on."""
        _check(asked)
        lines = [f"{line.code}={line.quantity}" for line in asked.lines]
        promised = key_of(by, key, "stock", asked.kind, asked.place, asked.to or "", asked.why, *lines)
        movement_id = self._w.ids.new("stk")
        at = self._w.at()
        return await self._write(lambda: _move(merchant_id, asked, movement_id, promised, by.who, self._w.ids, at))

    async def _write(self, job: Callable[[], Job[Movement]]) -> Movement:
        """Run a job; a sale that took the goods in the same moment makes it run again."""
        for _ in range(_TRIES):
            try:
                return await self._w.sql.write(job)
            except Insufficient:
                continue
        raise InternalError("stock-busy", "The stock kept moving.")


def product_stock(merchant_id: str, code: str) -> Job[list[PlaceStock]]:
    """A product at every place, central first; nothing when it is not tracked."""
    if not (yield from levels(merchant_id, [code], ())):
        return []
    found = []
    for place in (yield from places(merchant_id)):
        held = yield from ledger.balance(merchant_id, stock_account(place.place, code))
        found.append(PlaceStock(place=place.place, name=place.name, available=held.available, held=held.pending))
    return found


def _check(asked: NewMovement) -> None:
    if (asked.kind == "moved") != (asked.to is not None):
        raise RequestError("place-to", "Say in `to` where goods are moved, and only then.", path="$.to")
    if asked.to == asked.place:
        raise RequestError("place-to", "Goods are moved to another place.", path="$.to")
    for index, line in enumerate(asked.lines):
        if line.quantity == 0 and asked.kind != "counted":
            message = "A quantity is 1 thousandth or more."
            raise RequestError("bad-quantity", message, path=f"$.lines[{index}].quantity")


def _move(
    merchant_id: str, asked: NewMovement, movement_id: str, key: Key, who: str, ids: Ids, at: int
) -> Job[Movement]:
    before = yield from promise(merchant_id, key, movement_id, at)
    if before is not None and before.answer is not None:
        return msgpack.decode(before.answer, type=Movement)
    for place in filter(None, (asked.place, asked.to)):
        yield from check_place(merchant_id, place)
    wanted = yield from _wanted(merchant_id, asked)
    yield from _track(merchant_id, list(wanted))
    left = yield from _locked(merchant_id, asked, list(wanted))
    changes = {code: _change(asked, code, quantity, left[code]) for code, quantity in wanted.items()}
    moves = [_as_move(asked, code, change) for code, change in changes.items() if change]
    yield from ledger.enter(merchant_id, movement_id, moves, ids=ids, at=at)
    made = Movement(
        movement_id=movement_id,
        kind=asked.kind,
        place=asked.place,
        to=asked.to,
        who=who,
        why=asked.why,
        at=moment(at),
        lines=tuple(
            ChangedLine(code=code, change=change, available=left[code] + change) for code, change in changes.items()
        ),
    )
    yield from _record(merchant_id, made, ids, at)
    yield keep_answer(merchant_id, key.principal, key.key, msgpack.encode(made))
    return made


def _wanted(merchant_id: str, asked: NewMovement) -> Job[dict[str, int]]:
    """Quantities by the products' own codes; each product once."""
    wanted: dict[str, int] = {}
    for index, line in enumerate(asked.lines):
        product: Product | None = yield from find_product(merchant_id, line.code)
        path = f"$.lines[{index}].code"
        if product is None:
            raise RequestError("unknown-product", f"There is no product {line.code!r}.", path=path)
        if product.code in wanted:
            raise RequestError("duplicate-line", f"The product {product.code!r} stands here twice.", path=path)
        wanted[product.code] = line.quantity
    return wanted


def _track(merchant_id: str, codes: Sequence[str]) -> Job[None]:
    marks = ", ".join("?" * len(codes))
    new = f"merchant_id = ? and code in ({marks}) and tracked = 0"
    if (yield Query(f"select code from product where {new} limit 1", (merchant_id, *codes))):
        yield from next_version(merchant_id)
        yield Query(f"update product set tracked = 1 where {new}", (merchant_id, *codes))


def _locked(merchant_id: str, asked: NewMovement, codes: Sequence[str]) -> Job[dict[str, int]]:
    """What is available at the place. Every account with a floor that the movement may change is locked, by name."""
    here = {stock_account(asked.place, code): code for code in codes}
    there = [stock_account(asked.to, code) for code in codes] if asked.to else []
    left = {}
    for account in sorted({*here, *there}):
        available = yield from ledger.lock(merchant_id, account, STOCK)
        if account in here:
            left[here[account]] = available
    return left


def _change(asked: NewMovement, code: str, quantity: int, left: int) -> int:
    """Thousandths more at the place, below zero when they go."""
    if asked.kind == "counted":
        return quantity - left
    if asked.kind in ("received", "found"):
        return quantity
    if quantity > left:
        raise OutOfStock(code, asked.place, left)
    return -quantity


def _as_move(asked: NewMovement, code: str, change: int) -> Move:
    here = stock_account(asked.place, code)
    if change > 0:
        return Move(kind=asked.kind, debit=_ELSEWHERE[asked.kind][0], credit=here, amount=change, unit=STOCK)
    to = _ELSEWHERE[asked.kind][-1] if asked.to is None else stock_account(asked.to, code)
    return Move(kind=asked.kind, debit=here, credit=to, amount=-change, unit=STOCK)


def _record(merchant_id: str, made: Movement, ids: Ids, at: int) -> Job[None]:
    yield Query(
        "insert into stock_movement (merchant_id, movement_id, kind, who, why, created_at) values (?, ?, ?, ?, ?, ?)",
        (merchant_id, made.movement_id, made.kind, made.who, made.why, at),
    )
    why = f"{len(made.lines)} products at {made.place}: {made.why}".removesuffix(": ")
    yield insert_audit(merchant_id, ids.new("aud"), made.who, f"stock-{made.kind}", made.movement_id, why, at)


def _low(merchant_id: str, place: str, limit: int, after: str) -> Job[list[LowStock]]:
    yield from check_place(merchant_id, place)
    rows = yield Query(
        "select p.code, p.label, p.unit, p.low_stock, a.credits - a.debits - a.debits_pending as available"
        " from product p join account a on a.merchant_id = p.merchant_id and a.account = ? || p.code"
        " where p.merchant_id = ? and p.tracked = 1 and p.active = 1 and p.code > ?"
        " and a.credits - a.debits - a.debits_pending <= p.low_stock order by p.code limit ?",
        (stock_account(place, ""), merchant_id, after, limit),
    )
    return [LowStock(**{name: row[name] for name in LowStock.__struct_fields__}) for row in rows]


_SIDES = {"debit": -1, "credit": 1}
_NAMES: Mapping[str, Literal["sold", "returned"]] = {"stock": "sold", "stock_return": "returned"}


def _entries(merchant_id: str, code: str, place: str, limit: int, before: str) -> Job[list[StockEntry]]:
    yield from check_place(merchant_id, place)
    product = yield from find_product(merchant_id, code)
    if product is None:
        raise NotFound("product", code)
    account = stock_account(place, product.code)
    found: list[tuple[Row, int]] = []
    for side, sign in _SIDES.items():
        older = "and transfer_id < ?" if before else ""
        rows = yield Query(
            f"select transfer_id, checkout_id, kind, amount, created_at from transfer where merchant_id = ?"
            f" and {side} = ? and unit = 'stock' and phase in ('single', 'post') {older}"
            " order by transfer_id desc limit ?",
            (merchant_id, account, *([before] if before else []), limit),
        )
        found += [(row, sign) for row in rows]
    found.sort(key=lambda pair: str(pair[0]["transfer_id"]), reverse=True)
    reasons = yield from _reasons(merchant_id, [row["checkout_id"] for row, _ in found[:limit]])
    return [_entry(row, sign, reasons.get(row["checkout_id"])) for row, sign in found[:limit]]


def _reasons(merchant_id: str, movement_ids: Sequence[str]) -> Job[dict[str, Row]]:
    if not movement_ids:
        return {}
    rows = yield Query(
        f"select movement_id, who, why from stock_movement where merchant_id = ? and movement_id in"
        f" ({', '.join('?' * len(movement_ids))})",
        (merchant_id, *movement_ids),
    )
    return {row["movement_id"]: row for row in rows}


def _entry(row: Row, sign: int, reason: Row | None) -> StockEntry:
    prefix, _, rest = row["checkout_id"].partition("_")
    return StockEntry(
        entry_id=row["transfer_id"],
        kind=_NAMES.get(row["kind"], row["kind"]),
        change=sign * row["amount"],
        subject_id=f"sal_{rest}" if prefix in ("chk", "ref") else row["checkout_id"],
        at=moment(row["created_at"]),
        who=reason["who"] if reason else "",
        why=reason["why"] if reason else "",
    )
