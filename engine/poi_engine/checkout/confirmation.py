"""The merchant's cap: what a session spends above it takes the customer's own word, by their phone or their PIN.

A word is for one session, its total and an amount of points and stored value; it lasts five minutes and serves one
checkout.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from poi_engine.checkout.frozen import Frozen
from poi_engine.clientele.rows import living
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.loyalty import points_spent
from poi_engine.ports import Job, Query, Row
from poi_engine.settings import read_merchant
from poi_offers.policy import Policy

ASK_US = 300_000_000
"""How long a question stands, and the word given to it."""
_DAY = 86_400_000_000
How = Literal["phone", "pin"]


class Question(Struct, frozen=True, kw_only=True):
    """What a customer is asked: to spend `amount` of points and stored value in a sale of `total`, minor units.

    `has_pin`: they may answer with their PIN at the counter as well as on their phone.
    """

    confirmation_id: str
    session_id: str
    station_id: str
    customer_id: str
    amount: int
    total: int
    currency: str
    state: Literal["asked", "given", "refused"]
    expires_at: datetime
    has_pin: bool = False


class ConfirmationNeeded(Conflict):
    """More than the cap: the customer is to be asked. Carries what a question needs; amounts in minor units."""

    def __init__(self, frozen: Frozen, customer_id: str, amount: int, cap: int) -> None:
        super().__init__(
            "confirmation-required",
            f"{amount} of points and stored value is more than the {cap} that are spent without the customer's word: "
            "they confirm on their phone, or with their PIN.",
        )
        self.session = frozen.session
        self.customer_id = customer_id
        self.amount = amount
        self.total = frozen.decision.total


def face_value(points: int, policy: Policy) -> int:
    """What points are worth in minor units, rounded up."""
    return -(-points * policy.point_value // 1000)


def must_be_confirmed(merchant_id: str, checkout_id: str, frozen: Frozen, stored: int, at: int) -> Job[None]:
    """Refuse to spend more than the cap without the customer's word; `stored`: value besides the points."""
    programme = (yield from read_merchant(merchant_id)).programme
    amount = face_value(points_spent(frozen.decision), programme.policy) + stored
    if frozen.customer_id is None or programme.spend_cap is None or amount <= programme.spend_cap:
        return
    person = yield from living(merchant_id, frozen.customer_id)
    rows = yield Query(
        "update confirmation set checkout_id = ? where merchant_id = ? and session_id = ? and customer_id = ? "
        "and total = ? and amount >= ? and state = 'given' and expires_at > ? and coalesce(checkout_id, ?) = ? "
        "returning confirmation_id",
        (
            *(checkout_id, merchant_id, frozen.session.session_id, person.customer_id, frozen.decision.total, amount),
            *(at, checkout_id, checkout_id),
        ),
    )
    if not rows:
        raise ConfirmationNeeded(frozen, person.customer_id, amount, programme.spend_cap)


def give_back_confirmation(merchant_id: str, session_id: str, checkout_id: str) -> Query:
    """Nothing was spent: while it lasts, the word serves the next checkout of the same session and total."""
    return Query(
        "update confirmation set checkout_id = null where merchant_id = ? and session_id = ? and checkout_id = ?",
        (merchant_id, session_id, checkout_id),
    )


def insert_question(merchant_id: str, confirmation_id: str, needed: ConfirmationNeeded, at: int) -> Job[Question]:
    """Ask, unless the same question stands; yesterday's are forgotten on the way."""
    session = needed.session
    rows = yield Query(
        "select confirmation_id from confirmation where merchant_id = ? and session_id = ? and customer_id = ? "
        "and amount = ? and total = ? and state = 'asked' and expires_at > ?",
        (merchant_id, session.session_id, needed.customer_id, needed.amount, needed.total, at),
    )
    if rows:
        return (yield from read_question(merchant_id, rows[0]["confirmation_id"]))
    yield Query(
        "delete from confirmation where merchant_id = ? and customer_id = ? and expires_at < ?",
        (merchant_id, needed.customer_id, at - _DAY),
    )
    yield Query(
        "insert into confirmation (merchant_id, confirmation_id, session_id, station_id, customer_id, amount, total, "
        "currency, state, how, created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?, ?, 'asked', '', ?, ?)",
        (
            *(merchant_id, confirmation_id, session.session_id, session.station_id, needed.customer_id),
            *(needed.amount, needed.total, session.basket.currency, at, at + ASK_US),
        ),
    )
    return (yield from read_question(merchant_id, confirmation_id))


def answer_question(
    merchant_id: str, confirmation_id: str, customer_id: str, given: bool, how: How, at: int
) -> Job[tuple[Question, bool]]:
    """The customer's word, and whether it is new: the same word again changes nothing, another one is too late."""
    state = "given" if given else "refused"
    rows = yield Query(
        "update confirmation set state = ?, how = ? where merchant_id = ? and confirmation_id = ? and customer_id = ? "
        "and state = 'asked' and expires_at > ? returning confirmation_id",
        (state, how, merchant_id, confirmation_id, customer_id, at),
    )
    question = yield from read_question(merchant_id, confirmation_id)
    if question.customer_id != customer_id:
        raise NotFound("confirmation", confirmation_id)
    if not rows and question.state == "asked":
        raise RequestError(
            "confirmation-expired", "This question has expired; pay again to be asked again.", status=410
        )
    if question.state != state:
        raise Conflict("confirmation-answered", "This question has been answered.")
    return question, bool(rows)


def read_question(merchant_id: str, confirmation_id: str) -> Job[Question]:
    """A question by its id."""
    rows = yield Query(f"{_SELECT} and c.confirmation_id = ?", (merchant_id, confirmation_id))
    if not rows:
        raise NotFound("confirmation", confirmation_id)
    return _question(rows[0])


def question_of_session(merchant_id: str, session_id: str, at: int) -> Job[Question | None]:
    """The session's newest question that still stands, with its answer."""
    rows = yield Query(
        f"{_SELECT} and c.session_id = ? and c.expires_at > ? "
        "order by c.created_at desc, c.confirmation_id desc limit 1",
        (merchant_id, session_id, at),
    )
    return _question(rows[0]) if rows else None


def question_of_customer(merchant_id: str, customer_id: str, at: int) -> Job[Question | None]:
    """What the customer is asked now."""
    rows = yield Query(
        f"{_SELECT} and c.customer_id = ? and c.expires_at > ? and c.state = 'asked' "
        "order by c.expires_at desc, c.confirmation_id desc limit 1",
        (merchant_id, customer_id, at),
    )
    return _question(rows[0]) if rows else None


_SELECT = (
    "select c.confirmation_id, c.session_id, c.station_id, c.customer_id, c.amount, c.total, c.currency, c.state, "
    "c.expires_at, case when p.pin is null then 0 else 1 end as has_pin from confirmation c left join customer_pin p "
    "on p.merchant_id = c.merchant_id and p.customer_id = c.customer_id where c.merchant_id = ?"
)


def _question(row: Row) -> Question:
    return Question(
        confirmation_id=row["confirmation_id"],
        session_id=row["session_id"],
        station_id=row["station_id"],
        customer_id=row["customer_id"],
        amount=row["amount"],
        total=row["total"],
        currency=row["currency"],
        state=row["state"],
        expires_at=moment(row["expires_at"]),
        has_pin=bool(row["has_pin"]),
    )
