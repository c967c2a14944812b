"""Gift cards: a code on a card or in a letter, and a balance on the ledger that never goes below zero.

Whoever has the code has the value, so the code is a secret: 75 random bits and a check letter, shown once when the card
is made, and kept nowhere. SQL knows its SHA-256 (with so many random bits a salt would add nothing) and its last four
letters, for people. A card is `issued` without a value, `active` from its first load, and in the end `closed`.
"""

import hashlib
import re
from datetime import datetime

from msgspec import Struct
from stdnum import luhn

from poi_engine import ledger
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.ledger import Balance
from poi_engine.ports import Job, Query, Row
from poi_engine.value.rules import MONTH, Months

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # those of our ids: no i, l, o, u
_LENGTH, _BITS = 16, 75
_MEANT = str.maketrans("ilo", "110")  # as people read them


class GiftCard(Struct, frozen=True, kw_only=True):
    """A gift card as staff see it; `balance` in minor units, `tail` the last letters of its code."""

    card_id: str
    tail: str
    currency: str
    state: str
    balance: int
    created_at: datetime
    expires_at: datetime | None = None


class NewGiftCard(GiftCard, frozen=True, kw_only=True):
    """A gift card just made, with its code: nobody is ever shown it again."""

    code: str


# --- rules ---------------------------------------------------------------------------------------------------------


def account_of(card_id: str) -> str:
    """The ledger's account of a card."""
    return f"gift_card:{card_id}"


def new_code(ids: Ids) -> str:
    """A new code in four groups of four letters, the last one a check (Luhn's over 32 letters)."""
    letters = ids.secret(_BITS)
    return shown(letters + luhn.calc_check_digit(letters, _LETTERS))


def shown(letters: str) -> str:
    """The code as it is printed: `abcd-efgh-jkmn-pqrs`."""
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def letters_of(code: str, path: str = "$.gift_card") -> str:
    """The code's letters, however they are written; a slip of the hand is told from an unknown card."""
    letters = re.sub(r"[\s-]", "", code[:64]).lower().translate(_MEANT)
    if len(letters) != _LENGTH or set(letters) - set(_LETTERS) or not luhn.is_valid(letters, _LETTERS):
        message = (
            f"A gift card's code has {_LENGTH} letters and digits, and these do not fit each other: read it again."
        )
        raise RequestError("gift-card-code", message, path=path)
    return letters


def hash_of(letters: str) -> bytes:
    """What SQL knows a code by."""
    return hashlib.sha256(f"poi-server gift card 1\n{letters}".encode()).digest()


# --- jobs ----------------------------------------------------------------------------------------------------------


def find(merchant_id: str, code: str, at: int, path: str = "$.gift_card") -> Job[str]:
    """The id of the card with this code, if it can be used. `at` in microseconds.

    `NotFound` of a `gift-card`; `Conflict` `gift-card-closed`, `gift-card-expired`.
    """
    return str((yield from usable(merchant_id, code, at, path))["card_id"])


def usable(merchant_id: str, code: str, at: int, path: str = "$.gift_card") -> Job[Row]:
    """The row of the card with this code, if it can be used."""
    letters = letters_of(code, path)
    rows = yield Query(
        "select * from gift_card where merchant_id = ? and code_hash = ?", (merchant_id, hash_of(letters))
    )
    if not rows:
        raise NotFound("gift-card", f"...{letters[-4:]}")
    return must_be_usable(rows[0], at)


def must_be_usable(card: Row, at: int) -> Row:
    """Refuse a card that was closed, or whose time is over."""
    if card["state"] == "closed":
        raise Conflict("gift-card-closed", f"The gift card ...{card['tail']} is closed.")
    if card["expires_at"] is not None and card["expires_at"] <= at:
        raise Conflict("gift-card-expired", f"The gift card ...{card['tail']} has expired.")
    return card


def read_card(merchant_id: str, card_id: str) -> Job[Row]:
    """A card's row by its id."""
    rows = yield Query("select * from gift_card where merchant_id = ? and card_id = ?", (merchant_id, card_id))
    if not rows:
        raise NotFound("gift-card", card_id)
    return rows[0]


def lock_card(merchant_id: str, card_id: str) -> Job[Row]:
    """A card's row, locked until the transaction ends."""
    rows = yield Query(
        "update gift_card set changed_at = changed_at where merchant_id = ? and card_id = ? returning *",
        (merchant_id, card_id),
    )
    if not rows:
        raise NotFound("gift-card", card_id)
    return rows[0]


def insert_card(merchant_id: str, card_id: str, code: str, currency: str, at: int) -> Query:
    """A new card, without a value yet."""
    letters = letters_of(code)
    return Query(
        "insert into gift_card (merchant_id, card_id, code_hash, tail, currency, state, expires_at, created_at, "
        "changed_at) values (?, ?, ?, ?, ?, 'issued', null, ?, ?)",
        (merchant_id, card_id, hash_of(letters), letters[-4:], currency, at, at),
    )


def activate(merchant_id: str, card_id: str, months: Months | None, at: int) -> Query:
    """A card's first load: from now its time runs. A card that is active stays as it is."""
    return Query(
        "update gift_card set state = 'active', expires_at = ?, changed_at = ? where merchant_id = ? and card_id = ? "
        "and state = 'issued'",
        (None if months is None else at + months * MONTH, at, merchant_id, card_id),
    )


def refunded(merchant_id: str, card_id: str, months: Months | None, at: int) -> Query:
    """What comes back on a card lives as long as what is loaded, even when the card's time was over. A closed card is
    left to whoever pays it back."""
    card = "where merchant_id = ? and card_id = ? and state = 'active'"
    if months is None:
        return Query(f"update gift_card set expires_at = null, changed_at = ? {card}", (at, merchant_id, card_id))
    ends = at + months * MONTH
    return Query(
        f"update gift_card set expires_at = ?, changed_at = ? {card} and expires_at < ?",
        (ends, at, merchant_id, card_id, ends),
    )


def view(merchant_id: str, card: Row) -> Job[GiftCard]:
    """The card as staff see it."""
    balance: Balance = yield from ledger.balance(merchant_id, account_of(card["card_id"]))
    expires_at = card["expires_at"]
    return GiftCard(
        card_id=card["card_id"],
        tail=card["tail"],
        currency=card["currency"],
        state=card["state"],
        balance=balance.available,
        created_at=moment(card["created_at"]),
        expires_at=None if expires_at is None else moment(expires_at),
    )
