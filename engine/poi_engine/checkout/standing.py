"""The session that a checkout's rows stand for: SQL is the truth of whatever is being paid."""

from collections.abc import Sequence

from msgspec.structs import replace

from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.payment import Payment, captured, payments_of
from poi_engine.checkout.reservation import checkout_of, latest, read_frozen
from poi_engine.means import TenderShown
from poi_engine.ports import BANK_AWAY, Job, Row
from poi_engine.session import CHANGEABLE, ENDED, Notice, Session, SessionState, move

_S = SessionState
_OPEN = frozenset({_S.PAYING, _S.UNKNOWN})
_BEGUN = ("paying", "unknown", "part_paid", "paid")
_ACCEPTED = "chk_"
"""How the checkout of an accepted session is named; a refund's bears its sale's name, an exercise's is not kept."""


def truth_of(merchant_id: str, session_id: str) -> Job[Session | None]:
    """The session as its checkout stands; None where nothing was accepted."""
    row = yield from _accepted(merchant_id, session_id)
    return (yield from _read(merchant_id, row)) if row else None


def news_of(stored: Session) -> Job[Session | None]:
    """What SQL knows of a session that its stored copy does not show, as after a time without Redis; None where the
    copy says it all. The copy was read before: a checkout in SQL is then as new as the one it names, or newer."""
    row = yield from _accepted(stored.merchant_id, stored.session_id)
    if row is None or not _is_ahead(row, stored):
        return None
    truth = yield from _read(stored.merchant_id, row)
    return truth if truth.checkout_id != stored.checkout_id or follows(truth, stored) else None


def _is_ahead(row: Row, stored: Session) -> bool:
    """Whether a checkout may say more. One that nobody began to pay, or that ended unpaid, says nothing of a session
    that was decided anew since."""
    if stored.state in CHANGEABLE:
        return row["state"] in _BEGUN or row["checkout_id"] == checkout_of(stored.decision_id or "")
    return stored.state not in ENDED and (stored.checkout_id or "").startswith(_ACCEPTED)


def _accepted(merchant_id: str, session_id: str) -> Job[Row | None]:
    row = yield from latest(merchant_id, session_id)
    return row if row and row["checkout_id"].startswith(_ACCEPTED) else None


def _read(merchant_id: str, row: Row) -> Job[Session]:
    frozen = yield from read_frozen(merchant_id, row["checkout_id"])
    return session_of(row, frozen, (yield from payments_of(merchant_id, row["checkout_id"])))


def sold_session(merchant_id: str, session_id: str) -> Job[Session | None]:
    """The session as the payment that made its sale was answered; None before."""
    truth = yield from truth_of(merchant_id, session_id)
    return truth if truth is not None and truth.state is _S.PAID else None


def session_of(row: Row, frozen: Frozen, payments: Sequence[Payment]) -> Session:
    """The session that a checkout's row, its document and its payments stand for."""
    match row["state"]:
        case "paid":
            return paid_session(frozen, row["sale_id"], payments)
        case "unknown":
            return unknown_session(frozen, payments)
        case "declined":
            return declined_session(frozen)
        case "abandoned":
            return abandoned_session(frozen, payments)
        case "released":
            return released_session(frozen)
        case "part_paid":
            return part_paid_session(frozen, payments)
        case _:
            return replace(frozen.session, tenders=_shown(payments), due=due_of(frozen, payments))


def due_of(frozen: Frozen, payments: Sequence[Payment]) -> int:
    """What is still to be paid, minor units."""
    return frozen.decision.total - sum(payment.amount for payment in captured(payments))


def paid_session(frozen: Frozen, sale_id: str, payments: Sequence[Payment]) -> Session:
    """The accepted session, paid."""
    return move(frozen.session, _S.PAID, sale_id=sale_id, notice=Notice(code="paid"), tenders=_shown(payments), due=0)


def part_paid_session(frozen: Frozen, payments: Sequence[Payment]) -> Session:
    """The accepted session, paid in part: the last tender was taken, or declined."""
    last, due = payments[-1], due_of(frozen, payments)
    code = "part-paid" if last.state == "captured" else "tender-declined"
    notice = Notice(code=code, values={"means": last.means, "amount": str(last.amount), "due": str(due)})
    return move(frozen.session, _S.PAYING, notice=notice, tenders=_shown(payments), due=due)


def unknown_session(frozen: Frozen, payments: Sequence[Payment]) -> Session:
    """The accepted session, a payment of it in doubt; a transfer is one until the bank tells of it."""
    awaited = any(payment.means == "transfer" and payment.state == "unknown" for payment in payments)
    notice = Notice(code="transfer-awaited" if awaited else "payment-unknown")
    return move(frozen.session, _S.UNKNOWN, notice=notice, tenders=_shown(payments), due=due_of(frozen, payments))


def declined_session(frozen: Frozen, reason: str = "") -> Session:
    """The accepted session, declined: the same decision under a new name can be accepted again."""
    code = "payment-declined" if reason != BANK_AWAY else BANK_AWAY
    notice = Notice(code=code, values={"reason": reason} if reason else {})
    decision_id = _next_name(frozen.session.decision_id or "")
    return move(frozen.session, _S.DECLINED, notice=notice, decision_id=decision_id, tenders=(), due=0)


def abandoned_session(frozen: Frozen, payments: Sequence[Payment]) -> Session:
    """The accepted session, given up; `tenders` say what goes back of what was taken."""
    return move(frozen.session, _S.ABANDONED, tenders=_shown(payments), due=0)


def released_session(frozen: Frozen) -> Session:
    """The acceptance was undone without a payment: the same decision, under a new name, can be accepted again."""
    notice, decision_id = Notice(code="accept-again"), _next_name(frozen.session.decision_id or "")
    return move(frozen.session, _S.DECIDED, notice=notice, decision_id=decision_id, tenders=(), due=0)


def follows(truth: Session, current: Session) -> bool:
    """Whether what SQL said is news: it is read in one moment and shown in another, and payments only go forward."""
    if truth.state in _OPEN and _progress(truth) < _progress(current):
        return False
    return (truth.state, truth.tenders) != (current.state, current.tenders)


def _progress(session: Session) -> int:
    """Rises with each tender that is shown, and again when that has an end."""
    return sum(1 if tender.state == "unknown" else 2 for tender in session.tenders)


def _shown(payments: Sequence[Payment]) -> tuple[TenderShown, ...]:
    """What is being sent is not shown: nothing has become of it yet."""
    return tuple(payment.shown() for payment in payments if payment.state != "sending")


def _next_name(decision_id: str) -> str:
    """`dec_x`, `dec_x.1`, `dec_x.2` ...: each attempt at payment has a checkout of its own."""
    name, _, attempt = decision_id.partition(".")
    return f"{name}.{int(attempt or 0) + 1}"
