"""The journal: a station's receipts in a gap-free, hash-chained sequence that is never edited.

Receipts name customers by pseudonym only, so that a person can be erased and the chain still holds.
"""

from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from poi_engine.fiscal import events
from poi_engine.fiscal.chain import JOURNAL, advance, link_of
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Job, Query

FORMAT = 2
"""Version of the receipt's fields; every row carries its own. Format 1 had no `fiscal`, `training` or `stored`, and an
`at` to the second."""
CLOCK_BACK = 60_000_000
"""Microseconds by which a receipt may be older than the one before: payments end in another order than they began."""


class ReceiptLine(Struct, frozen=True, kw_only=True):
    """One article. `quantity` in thousandths of `unit`; amounts in minor units with VAT; `vat_rate` basis points."""

    line_id: str
    label: str
    quantity: int
    unit: str
    unit_price: int
    vat_rate: int
    amount: int
    saved: int
    total: int
    code: str = ""


class ReceiptDiscount(Struct, frozen=True, kw_only=True):
    """What one offer took off, minor units."""

    offer_id: str
    version: int
    label: str
    amount: int


class ReceiptVat(Struct, frozen=True, kw_only=True):
    """The part of the total at one rate: `net` + `vat` = `gross`, minor units; `rate` in basis points."""

    rate: int
    net: int
    vat: int
    gross: int


class ReceiptPayment(Struct, frozen=True, kw_only=True):
    """One means of payment and its amount in minor units (negative: paid back); `given`: the cash handed over.

    Not `guaranteed`: a card taken at the merchant's risk.
    """

    means: str
    amount: int
    card_scheme: str | None = None
    given: int | None = None
    guaranteed: bool = True


class Receipt(Struct, frozen=True, kw_only=True):
    """What a sale or a refund leaves behind. Amounts in minor units, negative on a refund.

    `at` is UTC as `2026-11-22T13:05:09.000001Z`, `local_minute` the store's clock as `2026-11-22T14:05+01:00`.
    `customer_id` is a pseudonym. `at`, `number` and `fiscal` (the version and hash of this package) are given by the
    journal. Points and value count what this receipt moved; `points_owed` and `value_owed` what the customer still owes
    after it. `stored`: of the total, stored value that was sold, which is no turnover before it is spent.
    `training`: an exercise, kept in a chain apart.
    """

    kind: Literal["sale", "refund"]
    sale_id: str
    store_id: str
    station_id: str
    currency: str
    local_minute: str
    lines: tuple[ReceiptLine, ...]
    vat: tuple[ReceiptVat, ...]
    payments: tuple[ReceiptPayment, ...]
    subtotal: int
    saved: int
    total: int
    discounts: tuple[ReceiptDiscount, ...] = ()
    at: str = ""
    format: int = FORMAT
    number: int = 0
    refund_of: str | None = None
    seller_id: str | None = None
    customer_id: str | None = None
    points_earned: int = 0
    points_spent: int = 0
    points_owed: int = 0
    value_given: int = 0
    value_owed: int = 0
    stored: int = 0
    reason: str = ""
    fiscal: str = ""
    training: bool = False


receipt_of = msgspec.json.Decoder(Receipt).decode
"""A receipt from its canonical bytes; those of format 1 have less fields."""


class Entry(NamedTuple):
    """A receipt that is the station's next; it is as `writes` are written, by whoever asked for it."""

    number: int
    writes: tuple[Query, ...]


def entry(
    m: str,
    station_id: str,
    kind: Literal["sale", "refund"],
    sale_id: str,
    receipt: Receipt,
    *,
    at: int,
    late: bool = False,
) -> Job[Entry]:
    """The receipt as the station's next, to be written with what else the transaction ends with. The head's row is
    locked. `at` in microseconds.

    A clock that has gone back since the last receipt is put on record, once; not where the sale comes `late`.
    """
    head = yield from advance(JOURNAL, m, station_id)
    made = link_of(head, replace(receipt, at=utc_micro(at), fiscal=STAMP, format=FORMAT))
    back = head["latest"] - at > CLOCK_BACK and not late
    stands = Query(
        "update journal_head set hash = ?, latest = ? where merchant_id = ? and station_id = ?",
        (made.hash, at if back else max(at, head["latest"]), m, station_id),
    )
    written = Query(
        "insert into journal (merchant_id, station_id, number, format, kind, sale_id, document, previous, hash,"
        " created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (m, station_id, made.number, FORMAT, kind, sale_id, made.document, made.previous, made.hash, at),
    )
    if back:
        values: dict[str, str | int] = {"after": utc_micro(head["latest"]), "receipt": made.number}
        yield from events.record(m, station_id, "clock-back", "", "", values, at)
    return Entry(made.number, (written, stands))


def newest() -> Job[int]:
    """When the newest receipt of all stations was written, in microseconds since 1970; 0 when there is none."""
    return int((yield Query("select coalesce(max(latest), 0) as newest from journal_head"))[0]["newest"])
