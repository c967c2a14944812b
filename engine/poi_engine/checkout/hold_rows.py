"""Jobs on card holds: an amount held on a card before there is a sale, and let go or taken by one.

The row names the payment that takes the hold, and what became of that is the payment's to say: a hold is free while it
has none, or one that was declined. Whoever takes it holds the checkout's row, then the hold's.
"""

from typing import Literal

from msgspec import Struct

from poi_engine.errors import Conflict, NotFound
from poi_engine.ports import Job, PaymentResult, Query, Row

State = Literal["opening", "held", "releasing", "released", "declined"]
UNDER_WAY = ("opening", "releasing")
"""States in which the terminal has been asked for something, and perhaps not answered."""


class CardHold(Struct, frozen=True, kw_only=True):
    """An amount, minor units, held on a card. `taken_by`: the payment that took of it, or tries to."""

    hold_id: str
    station_id: str
    connector: str
    state: State
    amount: int
    currency: str
    taken_by: str | None
    card_scheme: str | None
    entry_mode: str | None
    reason: str
    created_at: int
    changed_at: int


def insert_hold(
    merchant_id: str, hold_id: str, station_id: str, connector: str, amount: int, currency: str, who: str, at: int
) -> Query:
    """A hold's row, before the card is asked for `amount`, minor units."""
    return Query(
        "insert into card_hold (merchant_id, hold_id, station_id, connector, state, amount, currency, authorisation, "
        "reason, opened_by, created_at, changed_at) values (?, ?, ?, ?, 'opening', ?, ?, '', '', ?, ?, ?)",
        (merchant_id, hold_id, station_id, connector, amount, currency, who, at, at),
    )


def held(merchant_id: str, hold_id: str, result: PaymentResult, at: int) -> Query:
    """The card is held, or it is not: the terminal's word on a hold that waits for it."""
    return Query(
        "update card_hold set state = ?, card_scheme = ?, entry_mode = ?, authorisation = ?, reason = ?, changed_at = ?"
        " where merchant_id = ? and hold_id = ? and state = 'opening'",
        (
            *("held" if result.outcome == "approved" else "declined", result.facts.scheme, result.facts.entry_mode),
            *(result.authorisation, result.reason[:200], at, merchant_id, hold_id),
        ),
    )


def begin_release(merchant_id: str, hold_id: str, at: int) -> Job[CardHold]:
    """Nothing is to be taken of a hold any more: write that before the terminal is told. `Conflict` if it is taken."""
    hold = yield from _lock(merchant_id, hold_id)
    if hold.state == "opening":
        raise Conflict("hold-opening", "The terminal has not said yet whether the card is held.")
    if hold.state == "held":
        yield from _must_be_free(merchant_id, hold)
        yield _state(merchant_id, hold_id, "releasing", at)
    return hold


def released(merchant_id: str, hold_id: str, at: int) -> Query:
    """The terminal has let it go."""
    return _state(merchant_id, hold_id, "released", at)


def take(merchant_id: str, hold_id: str, station_id: str, payment_id: str, amount: int, at: int) -> Job[str]:
    """Have a payment take of a free hold, before it is sent; one of nothing lets it go. Returns the hold's connector.

    `amount` in minor units. The caller holds the checkout's row.
    """
    hold = yield from _lock(merchant_id, hold_id)
    if hold.station_id != station_id:
        raise NotFound("hold", hold_id)
    if hold.state != "held":
        raise Conflict("hold-over", f"Nothing is held on the card: the hold is {hold.state}.")
    yield from _must_be_free(merchant_id, hold)
    if amount > hold.amount:
        raise Conflict("more-than-held", f"{hold.amount} is held on the card, not {amount}.")
    if amount == 0:
        yield _state(merchant_id, hold_id, "releasing", at)
    else:
        yield Query(
            "update card_hold set taken_by = ?, changed_at = ? where merchant_id = ? and hold_id = ?",
            (payment_id, at, merchant_id, hold_id),
        )
    return hold.connector


def read_hold(merchant_id: str, hold_id: str) -> Job[CardHold]:
    """A hold by its id."""
    rows = yield Query("select * from card_hold where merchant_id = ? and hold_id = ?", (merchant_id, hold_id))
    if not rows:
        raise NotFound("hold", hold_id)
    return _hold(rows[0])


def under_way(merchant_id: str) -> Job[list[CardHold]]:
    """The holds that wait for a terminal's word, oldest first."""
    rows = yield Query(
        "select * from card_hold where merchant_id = ? and state in ('opening', 'releasing')", (merchant_id,)
    )
    return sorted((_hold(row) for row in rows), key=lambda hold: hold.hold_id)


def _lock(merchant_id: str, hold_id: str) -> Job[CardHold]:
    rows = yield Query(
        "update card_hold set changed_at = changed_at where merchant_id = ? and hold_id = ? returning *",
        (merchant_id, hold_id),
    )
    if not rows:
        raise NotFound("hold", hold_id)
    return _hold(rows[0])


def _must_be_free(merchant_id: str, hold: CardHold) -> Job[None]:
    if hold.taken_by is not None:
        rows = yield Query(
            "select state from payment where merchant_id = ? and payment_id = ?", (merchant_id, hold.taken_by)
        )
        if rows[0]["state"] != "declined":
            raise Conflict("hold-taken", "A payment has taken what was held, or is taking it: a hold is taken once.")


def _state(merchant_id: str, hold_id: str, state: State, at: int) -> Query:
    return Query(
        "update card_hold set state = ?, changed_at = ? where merchant_id = ? and hold_id = ?",
        (state, at, merchant_id, hold_id),
    )


def _hold(row: Row) -> CardHold:
    return CardHold(**{name: row[name] for name in CardHold.__struct_fields__})
