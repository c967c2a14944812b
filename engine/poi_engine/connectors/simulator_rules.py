"""What the simulated terminal answers: by the amount's last two digits, and by the card presented.

| amount ends in | answer | what its book says |
|---|---|---|
| 05 | declined, "do not honour" | declined |
| 51 | declined, "insufficient funds" | declined |
| 13 | none: time-out after sending | approved |
| 14 | none: time-out after sending | declined |
| 15 | none; two status questions are answered "in progress" | approved |
| 16 | terminal away, nothing was sent | nothing |
| anything else | approved | approved |

The same table holds for refunds, and for what was taken without the bank once it is forwarded.
Cards are presented in the order of `CARDS`, in turn, unless one is chosen.
"""

from msgspec import Struct

from poi_offers.situation import PaymentFacts


class Rule(Struct, frozen=True, kw_only=True):
    """One line of the table. `waits`: status questions answered "in progress" before the truth is told."""

    approved: bool = True
    answered: bool = True
    away: bool = False
    waits: int = 0
    reason: str = ""


_APPROVED = Rule()
_RULES = {
    5: Rule(approved=False, reason="do not honour"),
    51: Rule(approved=False, reason="insufficient funds"),
    13: Rule(answered=False),
    14: Rule(approved=False, answered=False, reason="do not honour"),
    15: Rule(answered=False, waits=2),
    16: Rule(away=True),
}

CARDS: dict[str, PaymentFacts] = {
    "cb-debit-contactless": PaymentFacts(scheme="cb", card_type="debit", bin="497000", entry_mode="contactless"),
    "visa-credit-chip": PaymentFacts(scheme="visa", card_type="credit", bin="411111", entry_mode="chip"),
    "mastercard-prepaid-contactless": PaymentFacts(
        scheme="mastercard", card_type="prepaid", bin="529900", entry_mode="contactless"
    ),
    "amex-credit-phone": PaymentFacts(scheme="amex", card_type="credit", bin="371449", entry_mode="phone"),
    "visa-commercial-chip": PaymentFacts(scheme="visa", card_type="commercial", bin="448590", entry_mode="chip"),
}
"""The cards in the order in which they are presented."""


def rule_of(amount: int) -> Rule:
    """The table's line for an amount in minor units."""
    return _RULES.get(amount % 100, _APPROVED)


def card_of(presented: int, chosen: str | None = None) -> PaymentFacts:
    """The card presented as number `presented` (from 0), or the chosen one."""
    if chosen is not None:
        return CARDS[chosen]
    return list(CARDS.values())[presented % len(CARDS)]
