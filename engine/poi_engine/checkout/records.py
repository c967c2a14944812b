"""The rows that a committed sale or refund leaves in SQL, in the caller's transaction."""

from collections.abc import Sequence

from msgspec import Struct, json
from msgspec.structs import astuple

from poi_engine.checkout.entries import Given, Tender, summed
from poi_engine.checkout.frozen import Claim
from poi_engine.clock import moment
from poi_engine.ports import Query
from poi_offers.decision import Decision
from poi_offers.storetime import zone as store_zone


class SaleDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sale's row keeps as JSON: enough for views and refunds. `coupons` are the codes given out.

    Documents of sales that were paid at once by one means may have it as `tender`; `paid_by` reads both.
    """

    given: Given
    tenders: tuple[Tender, ...] = ()
    tender: Tender | None = None
    decision: Decision | None = None
    scheme: str | None = None
    assurance: str | None = None
    claims: tuple[Claim, ...] = ()
    coupons: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""

    @property
    def paid_by(self) -> tuple[Tender, ...]:
        """Every tender."""
        return self.tenders or (() if self.tender is None else (self.tender,))


class SaleRow(Struct, frozen=True, kw_only=True):
    """One row of `sale`; amounts in minor units, negative on a refund. `stored`: of the total, stored value sold."""

    sale_id: str
    checkout_id: str
    store_id: str
    station_id: str
    zone: str
    currency: str
    subtotal: int
    saved: int
    total: int
    points: int
    receipt_number: int
    at: int
    document: SaleDocument
    refund_of: str | None = None
    seller_id: str | None = None
    customer_id: str | None = None
    first_visit: bool = False
    channel: str = "counter"
    stored: int = 0


class LineRow(Struct, frozen=True, kw_only=True):
    """One row of `sale_line`; quantity and amounts are negative on a refund."""

    line_id: str
    code: str
    label: str
    category: str
    brand: str
    quantity: int
    unit: str
    unit_price: int
    vat_rate: int
    amount: int
    saved: int
    total: int


class RedemptionRow(Struct, frozen=True, kw_only=True):
    """One row of `redemption`: an offer's use, or (negative) what a refund takes back of it."""

    offer_id: str
    version: int
    saved: int
    value: int


def insert_sale(merchant_id: str, sale: SaleRow) -> Query:
    """The sale's row."""
    local = moment(sale.at).astimezone(store_zone(sale.zone))
    tender = summed(sale.document.paid_by)
    values = (
        *(merchant_id, sale.sale_id, sale.checkout_id, sale.refund_of, sale.store_id, sale.station_id),
        *(sale.seller_id, sale.customer_id, sale.channel, sale.currency, sale.subtotal, sale.saved, sale.total),
        *(sale.points, tender.means, tender.card_scheme, tender.card_type, tender.entry_mode),
        *(sale.receipt_number, int(sale.first_visit), local.date().isoformat(), local.hour, local.isoweekday()),
        *(json.encode(sale.document).decode(), sale.at, sale.stored),
    )
    return Query(
        "insert into sale (merchant_id, sale_id, checkout_id, refund_of, store_id, station_id, seller_id, customer_id, "
        "channel, currency, subtotal, saved, total, points, means, card_scheme, card_type, entry_mode, receipt_number, "
        "first_visit, local_day, local_hour, local_weekday, document, created_at, stored) "
        f"values ({_marks(values)})",
        values,
    )


def insert_lines(merchant_id: str, sale_id: str, lines: Sequence[LineRow]) -> Query:
    """The sale's lines, in one statement."""
    names = LineRow.__struct_fields__
    values = [value for line in lines for value in (merchant_id, sale_id, *astuple(line))]
    row = f"({', '.join('?' * (len(names) + 2))})"
    return Query(
        f"insert into sale_line (merchant_id, sale_id, {', '.join(names)}) values {', '.join([row] * len(lines))}",
        values,
    )


def insert_redemptions(
    merchant_id: str, sale_id: str, customer_id: str | None, uses: Sequence[RedemptionRow], at: int
) -> tuple[Query, ...]:
    """The offers' uses, in one statement, if there are any."""
    if not uses:
        return ()
    text = (
        "insert into redemption (merchant_id, sale_id, offer_id, version, customer_id, saved, value, created_at) "
        f"values {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?)'] * len(uses))}"
    )
    named = (merchant_id, sale_id)
    rows = [(*named, use.offer_id, use.version, customer_id, use.saved, use.value, at) for use in uses]
    return (Query(text, [value for row in rows for value in row]),)


def insert_event(merchant_id: str, event_id: str, kind: str, values: dict[str, object], at: int) -> Query:
    """A row for the outbox."""
    return Query(
        "insert into outbox (merchant_id, event_id, kind, document, created_at) values (?, ?, ?, ?, ?)",
        (merchant_id, event_id, kind, json.encode(values).decode(), at),
    )


def insert_audit(
    merchant_id: str,
    audit_id: str,
    who: str,
    act: str,
    subject_id: str,
    why: str,
    at: int,
    station_id: str | None = None,
) -> Query:
    """Who did what to what, why, and at which station."""
    return Query(
        "insert into audit (merchant_id, audit_id, who, act, subject_id, why, created_at, station_id)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (merchant_id, audit_id, who, act, subject_id, why[:500], at, station_id),
    )


def local_minute(at: int, zone: str) -> str:
    """The store's clock to the minute, with its offset: `2026-11-22T14:05+01:00`."""
    local = moment(at).astimezone(store_zone(zone))
    return local.isoformat(timespec="minutes")


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
