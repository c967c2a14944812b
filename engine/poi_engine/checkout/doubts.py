"""What waits for somebody's word, over all stations of a merchant: payments, refunds, and sales paid in part."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, json

from poi_engine.checkout.payment import payments_of
from poi_engine.checkout.refund_payments import open_shares
from poi_engine.clock import moment
from poi_engine.ports import Job, Query, Row
from poi_engine.value.tab_rows import UNDER_WAY, doubtful, rows_in

Waiting = Literal["payment", "refund", "part_paid", "tab_hold", "tab_capture"]


class InDoubt(Struct, frozen=True, kw_only=True):
    """One thing that waits. `amount` in minor units, positive: what may have moved, or what was taken in part.

    `session_id` is where a payment is resolved, `sale_id` where a refund is (its `checkout_id` is the refund's id);
    a tab's `checkout_id` is the tab's id: its card may be held, or charged.
    `state`: `sending`, `unknown`, or `reversing` (it is to go back); `reason`: the last that was heard of it.
    """

    kind: Waiting
    checkout_id: str
    station_id: str
    amount: int
    currency: str
    since: datetime
    session_id: str | None = None
    sale_id: str | None = None
    payment_id: str | None = None
    means: str = ""
    connector: str = ""
    state: str = "unknown"
    reason: str = ""
    by: str = ""


class _Opened(Struct):
    """Who began it: a sale's document, or a refund's, is read for that alone."""

    accepted_by: str = ""
    by: str = ""


def in_doubt(merchant_id: str) -> Job[list[InDoubt]]:
    """Everything that waits, the oldest first; sorted here, so that no index but that of the states is walked."""
    payments = yield Query(
        "select p.payment_id, p.checkout_id, p.means, p.connector, p.state, p.amount, p.reason, p.created_at,"
        " c.session_id, c.station_id, c.currency, c.document from payment p join checkout c"
        " on c.merchant_id = p.merchant_id and c.checkout_id = p.checkout_id"
        " where p.merchant_id = ? and p.state in ('sending', 'unknown', 'reversing')",
        (merchant_id,),
    )
    found = [_payment(row) for row in payments]
    known = {one.checkout_id for one in found}
    parts = yield Query(
        "select checkout_id, session_id, station_id, currency, document, state, total, created_at, changed_at"
        " from checkout where merchant_id = ? and state <> 'paid' and state in ('part_paid', 'unknown')",
        (merchant_id,),
    )
    for row in (row for row in parts if row["checkout_id"] not in known):
        if row["state"] == "part_paid":
            found.append((yield from _part(merchant_id, row)))
        elif row["total"] < 0:
            found.append((yield from _refused(merchant_id, row)))
    found += [_tab(row) for row in (yield from rows_in(merchant_id, UNDER_WAY))]
    return sorted(found, key=lambda one: (one.since, one.checkout_id))


def _payment(row: Row) -> InDoubt:
    refund = row["amount"] < 0
    return InDoubt(
        kind="refund" if refund else "payment",
        checkout_id=row["checkout_id"],
        station_id=row["station_id"],
        amount=abs(row["amount"]),
        currency=row["currency"],
        since=moment(row["created_at"]),
        session_id=None if refund else row["session_id"],
        sale_id=row["session_id"] if refund else None,
        payment_id=row["payment_id"],
        means=row["means"],
        connector=row["connector"],
        state=row["state"],
        reason=row["reason"],
        by=_by(row),
    )


def _part(merchant_id: str, row: Row) -> Job[InDoubt]:
    taken = yield Query(
        "select means, amount from payment where merchant_id = ? and checkout_id = ? and state = 'captured'",
        (merchant_id, row["checkout_id"]),
    )
    return InDoubt(
        kind="part_paid",
        checkout_id=row["checkout_id"],
        station_id=row["station_id"],
        amount=sum(one["amount"] for one in taken),
        currency=row["currency"],
        since=moment(row["changed_at"]),
        session_id=row["session_id"],
        means=" ".join(sorted({one["means"] for one in taken})),
        state="part_paid",
        by=_by(row),
    )


def _refused(merchant_id: str, row: Row) -> Job[InDoubt]:
    """A refund of which a part went back and another was refused."""
    left = open_shares((yield from payments_of(merchant_id, row["checkout_id"])))
    return InDoubt(
        kind="refund",
        checkout_id=row["checkout_id"],
        station_id=row["station_id"],
        amount=-sum(payment.amount for payment in left),
        currency=row["currency"],
        since=moment(row["created_at"]),
        sale_id=row["session_id"],
        means=" ".join(sorted({payment.means for payment in left})),
        reason="a part went back, the rest was refused",
        by=_by(row),
    )


def _tab(row: Row) -> InDoubt:
    return InDoubt(
        kind="tab_hold" if row["state"] == "opening" else "tab_capture",
        checkout_id=row["tab_id"],
        station_id=row["station_id"],
        amount=doubtful(row),
        currency=row["currency"],
        since=moment(row["created_at"]),
        means="card",
        connector=row["connector"],
        by=row["opened_by"],
    )


def _by(row: Row) -> str:
    opened = json.decode(row["document"], type=_Opened)
    return opened.accepted_by or opened.by
