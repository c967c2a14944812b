"""Committed sales and refunds, as they are read."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, json

from poi_engine.checkout.entries import summed
from poi_engine.checkout.records import LineRow, SaleDocument
from poi_engine.clientele.rows import living, marks
from poi_engine.clock import moment
from poi_engine.errors import NotFound, RequestError
from poi_engine.fiscal.journal import Receipt, receipt_of
from poi_engine.issuer import Issuer, read_issuer
from poi_engine.ports import Job, Query, Row, Sql
from poi_offers.decision import ChosenOffer

_COLUMNS = (
    "sale_id, checkout_id, refund_of, store_id, station_id, seller_id, customer_id, channel, currency, subtotal, "
    "saved, total, points, means, card_scheme, card_type, entry_mode, receipt_number, first_visit, document, created_at"
)
MAX_PAGE = 500


class SoldLine(Struct, frozen=True, kw_only=True):
    """A line of a sale. `returned`: thousandths taken back so far."""

    line_id: str
    code: str
    label: str
    quantity: int
    unit: str
    unit_price: int
    vat_rate: int
    amount: int
    saved: int
    total: int
    returned: int = 0


class SaleSummary(Struct, frozen=True, kw_only=True):
    """A sale or a refund in a list. Amounts in minor units, negative on a refund."""

    sale_id: str
    refund_of: str | None
    store_id: str
    station_id: str
    customer_id: str | None
    currency: str
    subtotal: int
    saved: int
    total: int
    points: int
    means: str
    receipt_number: int
    at: datetime


class SaleView(SaleSummary, frozen=True, kw_only=True):
    """A sale or a refund with its lines. `refunded`, in minor units, is what went back of a sale.

    `receipt_hash` is the receipt's in the journal, in hex.
    """

    seller_id: str | None
    card_scheme: str | None
    card_type: str | None
    entry_mode: str | None
    guaranteed: bool
    refunded: int
    refunds: tuple[str, ...]
    offers: tuple[ChosenOffer, ...]
    lines: tuple[SoldLine, ...]
    receipt: Receipt
    receipt_hash: str


class Sales:
    """The sales' service."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def get(self, merchant_id: str, sale_id: str) -> SaleView:
        """A sale with its lines and receipt."""
        return await self._sql.read(lambda: read_sale(merchant_id, sale_id))

    async def issuer(self, merchant_id: str, receipt: Receipt) -> Issuer:
        """Who issued a receipt, as its head says."""
        return await self._sql.read(lambda: read_issuer(merchant_id, receipt.store_id, receipt.station_id))

    async def list(
        self, merchant_id: str, *, customer_id: str | None = None, limit: int = 50, after: str | None = None
    ) -> list[SaleSummary]:
        """Newest first; `after` is the last id of the page before."""
        if not 1 <= limit <= MAX_PAGE:
            raise RequestError("bad-limit", f"A page has 1 to {MAX_PAGE} sales.", path="$.limit")

        def job() -> Job[list[SaleSummary]]:
            person = (yield from living(merchant_id, customer_id)).family if customer_id is not None else (None,)
            rows: list[Row] = []
            for known_as in person:  # asked for several at once, the planner walks all sales by their day
                where, values = yield from _where(merchant_id, known_as, after)
                rows += yield Query(
                    f"select {_COLUMNS} from sale where {where} order by created_at desc, sale_id desc limit ?",
                    (*values, limit),
                )
            return [_summary(row) for row in sorted(rows, key=_age, reverse=True)[:limit]]

        return await self._sql.read(job)


def summaries(merchant_id: str, sale_ids: Sequence[str]) -> Job[tuple[SaleSummary, ...]]:
    """These sales, in this order."""
    if not sale_ids:
        return ()
    rows = yield Query(
        f"select {_COLUMNS} from sale where merchant_id = ? and sale_id in ({marks(tuple(sale_ids))})",
        (merchant_id, *sale_ids),
    )
    found = {row["sale_id"]: _summary(row) for row in rows}
    return tuple(found[sale_id] for sale_id in sale_ids)


def _age(row: Row) -> tuple[int, str]:
    return row["created_at"], row["sale_id"]


def _where(merchant_id: str, customer_id: str | None, after: str | None) -> Job[tuple[str, tuple[str | int, ...]]]:
    where = "merchant_id = ?"
    values: tuple[str | int, ...] = (merchant_id,)
    if customer_id is not None:
        where, values = f"{where} and customer_id = ?", (*values, customer_id)
    if after is None:
        return where, values
    rows = yield Query("select created_at from sale where merchant_id = ? and sale_id = ?", (merchant_id, after))
    if not rows:
        raise NotFound("sale", after)
    at = rows[0]["created_at"]
    return f"{where} and created_at <= ? and (created_at < ? or sale_id < ?)", (*values, at, at, after)


def read_sale(merchant_id: str, sale_id: str) -> Job[SaleView]:
    """A sale with its lines, what was returned of it, and its receipt."""
    rows = yield Query(f"select {_COLUMNS} from sale where merchant_id = ? and sale_id = ?", (merchant_id, sale_id))
    if not rows:
        raise NotFound("sale", sale_id)
    lines = yield from read_lines(merchant_id, sale_id)
    refunds = yield from _refunds(merchant_id, sale_id)
    returned = yield from returned_quantities(merchant_id, sale_id)
    receipts = yield Query(
        "select document, hash from journal where merchant_id = ? and station_id = ? and number = ?",
        (merchant_id, rows[0]["station_id"], rows[0]["receipt_number"]),
    )
    return _view(rows[0], lines, refunds, returned, receipts[0])


def _refunds(merchant_id: str, sale_id: str) -> Job[list[Row]]:
    """Oldest first; sorted here: asked to sort, SQLite walks every sale of the merchant by its day."""
    rows = yield Query(
        "select sale_id, total, created_at from sale where merchant_id = ? and refund_of = ?", (merchant_id, sale_id)
    )
    return sorted(rows, key=lambda row: (row["created_at"], row["sale_id"]))


def read_lines(merchant_id: str, sale_id: str) -> Job[list[LineRow]]:
    """The lines of a sale, in the order of their ids."""
    names = LineRow.__struct_fields__
    rows = yield Query(
        f"select {', '.join(names)} from sale_line where merchant_id = ? and sale_id = ? order by line_id",
        (merchant_id, sale_id),
    )
    return [LineRow(**{name: row[name] for name in names}) for row in rows]


def returned_quantities(merchant_id: str, sale_id: str) -> Job[dict[str, int]]:
    """Thousandths that committed refunds took back, by line."""
    rows = yield Query(
        "select line_id, cast(sum(-quantity) as bigint) as quantity from sale_line where merchant_id = ? "
        "and sale_id in (select sale_id from sale where merchant_id = ? and refund_of = ?) group by line_id",
        (merchant_id, merchant_id, sale_id),
    )
    return {row["line_id"]: row["quantity"] for row in rows}


def document_of(row: Row) -> SaleDocument:
    """A sale row's document."""
    return json.decode(row["document"], type=SaleDocument)


def _view(row: Row, lines: list[LineRow], refunds: list[Row], returned: dict[str, int], journal: Row) -> SaleView:
    document = document_of(row)
    same = {name: row[name] for name in SaleView.__struct_fields__ if name in _PLAIN}
    return SaleView(
        **same,
        at=moment(row["created_at"]),
        guaranteed=summed(document.paid_by).guaranteed,
        refunded=-sum(refund["total"] for refund in refunds),
        refunds=tuple(refund["sale_id"] for refund in refunds),
        offers=document.decision.offers if document.decision else (),
        lines=tuple(_sold(line, returned.get(line.line_id, 0)) for line in lines),
        receipt=receipt_of(bytes(journal["document"])),
        receipt_hash=bytes(journal["hash"]).hex(),
    )


_PLAIN = frozenset(_COLUMNS.split(", ")) - {"document", "created_at"}


def _summary(row: Row) -> SaleSummary:
    same = {name: row[name] for name in SaleSummary.__struct_fields__ if name in _PLAIN}
    return SaleSummary(**same, at=moment(row["created_at"]))


def _sold(line: LineRow, returned: int) -> SoldLine:
    same = {name: getattr(line, name) for name in SoldLine.__struct_fields__ if name != "returned"}
    return SoldLine(**same, returned=returned)
