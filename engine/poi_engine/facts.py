"""What is on file about a customer when a decision is made, read from SQL in one go."""

from datetime import date

from msgspec import json

from poi_engine.clientele.rows import absorbed_by, marks
from poi_engine.clock import moment
from poi_engine.errors import NotFound
from poi_engine.ports import Job, Query, Row
from poi_engine.together import together
from poi_offers.situation import CustomerFacts

DAY = 86_400_000_000  # microseconds
WINDOWS = (7, 30, 90, 365)
RESERVED = ("seg_", "rfm:", "coupon:", "bought:", "auto:")
"""How words begin that nobody gives to a customer by hand."""


def read_facts(merchant_id: str, customer_id: str, at: int) -> Job[CustomerFacts]:
    """The customer's facts at `at` (microseconds since 1970).

    `segments`: the words given by hand, the segments that the customer is in, and each coupon as `coupon:<offer id>`.
    """
    row, carried = yield from together(_customer(merchant_id, customer_id, at), _carried(merchant_id, customer_id, at))
    sums = row
    if row["customer_id"] != customer_id:
        customer_id = row["customer_id"]
        carried = yield from _carried(merchant_id, customer_id, at)
    if row["absorbed"]:
        absorbed = yield from absorbed_by(merchant_id, customer_id)
        sums = (yield _windows(merchant_id, (customer_id, *absorbed), at))[0]
    segments = (*given_words(row["segments"]), *carried)
    return facts_of(customer_id, row, sums, segments, row["points"] or 0)


def _carried(merchant_id: str, customer_id: str, at: int) -> Job[list[str]]:
    """The words that the program gives."""
    rows = yield Query(
        "select distinct 'coupon:' || offer_id as word from coupon where merchant_id = ? and customer_id = ? "
        "and used_at is null and voided_at is null and expires_at > ? union all "
        "select segment_id as word from segment_member where merchant_id = ? and customer_id = ? union all "
        "select 'auto:lapsing' as word from lapsing where merchant_id = ? and customer_id = ? order by word",
        (merchant_id, customer_id, at, *(merchant_id, customer_id) * 2),
    )
    return [row["word"] for row in rows]


def _customer(merchant_id: str, customer_id: str, at: int) -> Job[Row]:
    """The customer's row with their points and the sums of `window_sums`; of one that was merged, the row that lives
    on."""
    asked = customer_id
    for _ in range(2):
        windows = _windows(merchant_id, (customer_id,), at)
        rows = yield Query(
            "select c.customer_id, tier, segments, birthday, visits, spend, last_visit_at, absorbed, merged_into, w.*, "
            "(select credits - debits - debits_pending from account where merchant_id = ? and account = ?) as points "
            f"from customer c cross join ({windows.text}) w "
            "where c.merchant_id = ? and c.customer_id = ? and erased_at is null",
            (merchant_id, f"points:{customer_id}", *windows.values, merchant_id, customer_id),
        )
        if rows and rows[0]["merged_into"] is None:
            return rows[0]
        customer_id = rows[0]["merged_into"] if rows else customer_id
    raise NotFound("customer", asked)


def window_sums(at: int) -> tuple[str, list[int], int]:
    """The columns `v7`, `s7` ... that sum up sales by look-back, their values, and the earliest moment they need."""
    columns = ", ".join(
        "cast(coalesce(sum(case when created_at >= ? and refund_of is null then 1 else 0 end), 0) as bigint) "
        f"as v{days}, cast(coalesce(sum(case when created_at >= ? then total - stored else 0 end), 0) as bigint) "
        f"as s{days}"
        for days in WINDOWS
    )
    since = [at - days * DAY for days in WINDOWS]
    return columns, [value for start in since for value in (start, start)], since[-1]


def given_words(document: str) -> tuple[str, ...]:
    """The words given by hand; those that only the program gives are not taken from there."""
    return tuple(word for word in json.decode(document or "[]", type=list[str]) if not word.startswith(RESERVED))


def _windows(merchant_id: str, family: tuple[str, ...], at: int) -> Query:
    columns, values, since = window_sums(at)
    text = f"select {columns} from sale where merchant_id = ? and customer_id in ({marks(family)}) and created_at >= ?"
    return Query(text, (*values, merchant_id, *family, since))


def facts_of(customer_id: str, row: Row, windows: Row, segments: tuple[str, ...], points: int) -> CustomerFacts:
    """The facts in a customer's row, in the sums of `window_sums`, and beside them."""
    last = row["last_visit_at"]
    return CustomerFacts(
        customer_id=customer_id,
        tier=row["tier"],
        segments=segments,
        birthday=date.fromisoformat(row["birthday"]) if row["birthday"] else None,
        visits_in={0: row["visits"]} | {days: windows[f"v{days}"] for days in WINDOWS},
        spend_in={0: max(0, row["spend"])} | {days: max(0, windows[f"s{days}"]) for days in WINDOWS},
        last_visit=moment(last) if last is not None else None,
        points=points,
    )
