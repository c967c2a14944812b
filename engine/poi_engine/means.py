"""By what a sale is paid. Pure."""

from typing import Literal, get_args

from msgspec import Struct

Means = Literal["card", "cash", "wallet", "gift_card", "meal_voucher", "transfer", "tab", "none"]
"""`transfer` goes from account to account, `tab` puts cents aside for one capture by card, `none` pays nothing."""

MEANS: frozenset[str] = frozenset(get_args(Means))
BY_CONNECTOR = frozenset({"card", "transfer"})
"""Means that somebody outside is asked for: a terminal, a bank."""
BY_HAND = frozenset({"cash", "meal_voucher"})
"""Means that change hands at the counter."""
SPLIT = "split"
"""The means of a sale that several paid."""

TenderState = Literal["sending", "unknown", "captured", "declined", "reversing", "reversed"]


class TenderShown(Struct, frozen=True, kw_only=True):
    """One payment of a session as the screens show it: `amount` and the cash `given` in minor units.

    `unknown`: in doubt; `reversing`: what it took is to go back; `reversed`: it has gone back.
    """

    payment_id: str
    means: str
    amount: int
    state: TenderState
    given: int | None = None
