"""Selling in training: nothing is reserved, nobody is asked for money, the ledger does not move, and the receipt goes
into a chain apart. Only the session knows of it, and ends PAID with the notice `training`."""

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.accepting import changed
from poi_engine.checkout.commit import answer_of, seller_of
from poi_engine.checkout.entries import Given, Owed, Tender
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.promise import Key, keep_answer, promise
from poi_engine.checkout.tendering import amount_of
from poi_engine.errors import Conflict
from poi_engine.fiscal.training import record
from poi_engine.means import Asked, TenderShown
from poi_engine.ports import Job, Query
from poi_engine.receipts import sale_lines, sale_receipt
from poi_engine.session import Notice, Session, SessionState, move
from poi_engine.settings import read_merchant

_PREFIX = "trn_"


class Exercised(Struct, frozen=True, kw_only=True):
    """An exercise's answer; `answer` is that of an earlier request with the same key, as it was kept."""

    session: Session
    answer: bytes | None = None


def exercise_of(checkout_id: str) -> str:
    """What stands for a checkout in training."""
    return f"{_PREFIX}{checkout_id.partition('_')[2]}"


def is_exercise(session: Session) -> bool:
    """Whether this session was accepted in training."""
    return (session.checkout_id or "").startswith(_PREFIX)


def pay_exercise(merchant_id: str, frozen: Frozen, wish: Asked, key: Key, payment_id: str, at: int) -> Job[Exercised]:
    """Pretend to take what was asked for; the last of it writes the receipt of the exercise."""
    session = frozen.session
    before = yield from promise(merchant_id, key, session.checkout_id or "", at)
    if before is not None:
        return Exercised(session=session, answer=before.answer)
    if wish.decision_id not in (None, session.decision_id):
        raise changed()
    yield from _must_train(merchant_id, session.station_id)
    amount = amount_of(wish, session.due)
    shown = TenderShown(payment_id=payment_id, means=wish.means, amount=amount, state="captured", given=wish.given)
    after = _after(session, (*session.tenders, shown), session.due - amount)
    if after.state is SessionState.PAID:
        yield from _receipt(merchant_id, frozen, after, at)
    yield keep_answer(merchant_id, key.principal, key.key, answer_of(after))
    return Exercised(session=after)


def _after(session: Session, tenders: tuple[TenderShown, ...], due: int) -> Session:
    if due:
        return move(session, SessionState.PAYING, tenders=tenders, due=due, notice=Notice(code="part-paid"))
    return move(session, SessionState.PAID, tenders=tenders, due=0, notice=Notice(code="training"))


def _must_train(merchant_id: str, station_id: str) -> Job[None]:
    """What is known of a station may be some seconds old; a sale must not end as an exercise."""
    rows = yield Query(
        "select training from station where merchant_id = ? and station_id = ?", (merchant_id, station_id)
    )
    if not rows or not rows[0]["training"]:
        raise Conflict("training-over", "The training ended meanwhile: give this exercise up, and sell.")


def _receipt(merchant_id: str, frozen: Frozen, paid: Session, at: int) -> Job[None]:
    language = (yield from read_merchant(merchant_id)).language
    tenders = [Tender(means=one.means, amount=one.amount, given=one.given) for one in paid.tenders]
    lines, seller_id, name = sale_lines(frozen), seller_of(frozen.accepted_by), paid.checkout_id or ""
    anybody = replace(frozen, session=replace(frozen.session, identity=None))
    receipt = sale_receipt(anybody, name, lines, tenders, Given(), Owed(), language, seller_id, at)
    yield from record(merchant_id, paid.station_id, receipt, at)
