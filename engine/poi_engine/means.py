"""By what a sale is paid. Pure."""

from typing import Literal, get_args

from msgspec import Struct

Means = Literal["card", "cash", "wallet", "gift_card", "meal_voucher", "transfer", "tab", "till", "none"]
"""`transfer` goes from account to account, `tab` puts cents aside for one capture by card, `none` pays nothing. `till`:
a till of somebody else's took the money, and says so."""

MEANS: frozenset[str] = frozenset(get_args(Means))
BY_CONNECTOR = frozenset({"card", "transfer"})
"""Means that somebody outside is asked for: a terminal, a bank."""
BY_HAND = frozenset({"cash", "meal_voucher", "till"})
"""Means that change hands at the counter."""
SPLIT = "split"
"""The means of a sale that several paid."""

OF_VALUE = frozenset({"wallet", "gift_card", "tab"})
"""Means that the ledger keeps for the customer."""


class Asked(Struct, frozen=True, kw_only=True):
    """A payment as it is asked for. `amount`, minor units: None is all that is due; `given`: the cash handed over;
    `gift_card`: the card's code; `hold`: the card hold that it is taken of; `decision_id`: what it pays, and nothing
    else."""

    means: Means
    amount: int | None = None
    given: int | None = None
    gift_card: str | None = None
    hold: str | None = None
    decision_id: str | None = None


class TenderShown(Struct, frozen=True, kw_only=True):
    """One payment of a session as the screens show it: `amount` and the cash `given` in minor units.

    `state`: `unknown` (in doubt), `captured`, `declined`, `reversing` (what it took is to go back), `reversed`. Not
    `guaranteed`: taken at the merchant's risk.
    """

    payment_id: str
    means: str
    amount: int
    state: str
    given: int | None = None
    guaranteed: bool = True
