"""Jobs on cards that were taken while the bank was away: written before the terminal takes one, until the bank has it.

A row counts for its payment only: one whose payment came to nothing is dropped, and is no risk any more.
"""

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from poi_engine import ledger
from poi_engine.checkout.entries import Tender
from poi_engine.checkout.payment import Payment
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.ledger import Move
from poi_engine.ports import Job, PaymentResult, Query, Row
from poi_engine.settings import lock_merchant, means_taken, programme_of, read_merchant

Ended = Literal["paid", "lost"]
PaidBy = Literal["card", "cash", "meal_voucher", "transfer"]
"""What somebody may have paid by since; a card: at another time."""
Instead = Literal["cash", "transfer"]
"""By what goes back what another card paid since: no terminal has a reference to that."""
CARDS, LOSSES = "tender:card", "losses:card"
"""The accounts of what came in by card, and of what was sold on cards and never paid."""
_LIVE = "p.state in ('sending', 'unknown', 'captured')"
_PAYMENT = "join payment p on p.merchant_id = f.merchant_id and p.payment_id = f.payment_id"
_CHECKOUT = "join checkout c on c.merchant_id = p.merchant_id and c.checkout_id = p.checkout_id"


class AtRisk(Struct, frozen=True, kw_only=True):
    """A card payment taken while the bank was away; `amount` in minor units.

    `state`: `waiting` for the bank, `sending` (told, and not answered yet), or `declined`: a person ends it.
    """

    payment_id: str
    sale_id: str | None
    connector: str
    station_id: str
    amount: int
    currency: str
    state: str
    reason: str
    taken_at: datetime


def keep(merchant_id: str, payment: Payment, station_id: str, currency: str, at: int) -> Job[bool]:
    """Write that the terminal is about to take this payment at the merchant's risk; False: it may not.

    The cap counts over all stations: they take turns on the merchant's row.
    """
    policy = programme_of((yield from lock_merchant(merchant_id))).offline
    if payment.amount > policy.card_floor_limit:
        return False
    waiting = yield Query(
        f"select cast(coalesce(sum(f.amount), 0) as bigint) as waiting from forwarding f {_PAYMENT} "
        f"where f.merchant_id = ? and f.state in ('waiting', 'sending') and {_LIVE}",
        (merchant_id,),
    )
    if waiting[0]["waiting"] + payment.amount > policy.card_cap:
        return False
    yield Query(
        "insert into forwarding (merchant_id, payment_id, connector, station_id, amount, currency, state, reason, "
        "created_at, changed_at) values (?, ?, ?, ?, ?, ?, 'waiting', '', ?, ?)",
        (merchant_id, payment.payment_id, payment.connector, station_id, payment.amount, currency, at, at),
    )
    return True


def at_risk(merchant_id: str) -> Job[list[AtRisk]]:
    """What the bank has not got yet, and what it declined, the oldest first."""
    rows = yield Query(
        f"select f.*, c.sale_id from forwarding f {_PAYMENT} {_CHECKOUT} "
        f"where f.merchant_id = ? and f.state in ('waiting', 'sending', 'declined') and {_LIVE}",
        (merchant_id,),
    )
    return sorted((_shown(row) for row in rows), key=lambda one: (one.taken_at, one.payment_id))


def drop_ended(merchant_id: str, at: int) -> Query:
    """Those whose payment came to nothing are no risk."""
    return Query(
        "update forwarding set state = 'dropped', changed_at = ? where merchant_id = ? and state in "
        "('waiting', 'sending') and exists (select 1 from payment p where p.merchant_id = forwarding.merchant_id "
        "and p.payment_id = forwarding.payment_id and p.state in ('declined', 'reversed'))",
        (at, merchant_id),
    )


def due(merchant_id: str, untouched_since: int) -> Job[list[AtRisk]]:
    """What of sales that are made is to be forwarded; told but unanswered only when that was before a time."""
    rows = yield Query(
        f"select f.*, c.sale_id from forwarding f {_PAYMENT} {_CHECKOUT} where f.merchant_id = ? "
        "and (f.state = 'waiting' or (f.state = 'sending' and f.changed_at <= ?)) "
        "and p.state = 'captured' and c.state = 'paid'",
        (merchant_id, untouched_since),
    )
    return sorted((_shown(row) for row in rows), key=lambda one: (one.taken_at, one.payment_id))


def begin(merchant_id: str, one: AtRisk, at: int) -> Job[bool]:
    """The terminal is about to be told to forward it; False: somebody else was faster."""
    rows = yield Query(
        "update forwarding set state = 'sending', changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = ? returning payment_id",
        (at, merchant_id, one.payment_id, one.state),
    )
    return bool(rows)


def still_away(merchant_id: str, one: AtRisk, reason: str, at: int) -> Query:
    """Nothing was sent: it waits on."""
    return _move(merchant_id, one.payment_id, "waiting", reason, at)


def heard(merchant_id: str, one: AtRisk, result: PaymentResult, audit_id: str, at: int) -> Job[None]:
    """The bank's word: the payment is guaranteed now, or declined, which a person has to look at."""
    good = result.outcome == "approved"
    state, reason = ("forwarded", "") if good else ("declined", result.reason[:200])
    moved = yield _move(merchant_id, one.payment_id, state, reason, at)
    if not moved:
        return
    if good:
        yield Query(
            "update payment set guaranteed = 1, authorisation = ?, changed_at = ? where merchant_id = ? "
            "and payment_id = ?",
            (result.authorisation, at, merchant_id, one.payment_id),
        )
        return
    why = f"{one.amount} {one.currency}, taken while the bank was away: {reason or 'declined'}"
    yield insert_audit(
        merchant_id, audit_id, "engine", "forward-declined", one.sale_id or one.payment_id, why, at, one.station_id
    )


def end(merchant_id: str, payment_id: str, outcome: Ended, paid_by: PaidBy | None, *, ids: Ids, at: int) -> Job[int]:
    """A person has dealt with what the bank declined; returns its amount, minor units. The card's tender never came in:
    what is `lost` is written off, what was `paid` is booked to the means it was `paid_by`."""
    rows = yield Query(
        "update forwarding set state = ?, paid_by = ?, changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = 'declined' returning amount, currency",
        (outcome, paid_by, at, merchant_id, payment_id),
    )
    if not rows:
        known = yield Query(
            "select 1 as one from forwarding where merchant_id = ? and payment_id = ?", (merchant_id, payment_id)
        )
        if not known:
            raise NotFound("payment at risk", payment_id)
        raise Conflict("not-declined", "The bank has declined no such payment, or somebody has ended it.")
    amount, currency = int(rows[0]["amount"]), rows[0]["currency"]
    debit = LOSSES if outcome == "lost" else f"tender:{paid_by}"
    kind = "write_off" if outcome == "lost" else "paid_since"
    if debit != CARDS:
        moved = Move(kind=kind, debit=debit, credit=CARDS, amount=amount, unit=currency)
        yield from ledger.enter(merchant_id, payment_id, [moved], ids=ids, at=at)
    return amount


def as_paid(merchant_id: str, tenders: tuple[Tender, ...], instead: Instead | None) -> Job[tuple[Tender, ...]]:
    """By what the tenders of a sale go back: what they were paid by in the end, a card that the bank declined by other
    means since; `instead` of another card that paid since.

    Refused when nothing can go back: on a card that the bank was not told of, or never paid.
    """
    paid = []
    for tender in tenders:
        one = tender if tender.guaranteed else (yield from _as_paid(merchant_id, tender, instead))
        paid.append(one)
    if instead is not None and tuple(paid) == tenders:
        raise RequestError("nothing-instead", "All of this sale goes back to what paid it.", path="$.instead")
    return tuple(paid)


def _as_paid(merchant_id: str, tender: Tender, instead: Instead | None) -> Job[Tender]:
    rows = yield Query(
        "select state, paid_by from forwarding where merchant_id = ? and payment_id = ?",
        (merchant_id, tender.payment_id),
    )
    match rows[0]["state"] if rows else "":
        case "waiting" | "sending":
            raise Conflict("not-forwarded", "The bank does not know of this payment yet; refund it later.")
        case "declined" | "lost":
            raise Conflict("never-charged", "The bank declined this payment: there is nothing to give back.")
        case "paid":
            means = rows[0]["paid_by"]
            means = (yield from _instead_of_card(merchant_id, instead)) if means == "card" else means
            return Tender(means=means, amount=tender.amount, payment_id=tender.payment_id)
    return tender


def _instead_of_card(merchant_id: str, instead: Instead | None) -> Job[Instead]:
    taken = means_taken((yield from read_merchant(merchant_id)).programme)
    if instead is None:
        ways = " or ".join(means for means in get_args(Instead) if means in taken) or "means that the shop takes"
        message = f"Another card paid this since, and no terminal can give back to it: say `instead`, {ways}."
        raise Conflict("other-card-paid", message, path="$.instead")
    if instead not in taken:
        raise Conflict("means-off", f"This shop does not take, or give, {instead}.", path="$.instead")
    return instead


def _move(merchant_id: str, payment_id: str, state: str, reason: str, at: int) -> Query:
    return Query(
        "update forwarding set state = ?, reason = ?, changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = 'sending' returning payment_id",
        (state, reason, at, merchant_id, payment_id),
    )


def _shown(row: Row) -> AtRisk:
    return AtRisk(
        payment_id=row["payment_id"],
        sale_id=row["sale_id"],
        connector=row["connector"],
        station_id=row["station_id"],
        amount=row["amount"],
        currency=row["currency"],
        state=row["state"],
        reason=row["reason"],
        taken_at=moment(row["created_at"]),
    )
