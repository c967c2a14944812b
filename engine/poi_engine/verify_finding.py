"""What verification looks for, and what it finds."""

from typing import NamedTuple

from msgspec import Struct

MOST = 1_000  # findings a rule


class Finding(Struct, frozen=True, kw_only=True):
    """One broken invariant: the rule's stable name, the id of what breaks it, and a sentence."""

    merchant_id: str
    rule: str
    subject: str
    message: str


class Rule(NamedTuple):
    """An invariant's stable name and the statement that finds what breaks it, `most` rows at most."""

    name: str
    text: str
    most: int = MOST
