"""What verification finds."""

from msgspec import Struct

MOST = 1_000  # findings a rule


class Finding(Struct, frozen=True, kw_only=True):
    """One broken invariant: the rule's stable name, the id of what breaks it, and a sentence."""

    merchant_id: str
    rule: str
    subject: str
    message: str
