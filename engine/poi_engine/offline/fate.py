"""What becomes of a sale that was made without the server: recorded or dropped, one of both, whoever is first."""

import hashlib
from typing import Literal

from poi_engine.checkout.promise import Key, promise
from poi_engine.errors import Conflict
from poi_engine.ports import Job

Fate = Literal["recorded", "dropped"]
_TOO_LATE: dict[Fate, tuple[str, str]] = {
    "recorded": ("offline-dropped", "Somebody has dropped this sale, on record; it is not recorded any more."),
    "dropped": ("not-refused", "A sale by this name is recorded: it is not dropped."),
}
"""The refusal of each, once it has the other."""


def checkout_of(made_at: str, offline_id: str) -> str:
    """The name that a station gave the sale makes its id: sent twice, it is the same sale."""
    name = f"{made_at}\0{offline_id}"
    return f"chk_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def settle_fate(merchant_id: str, checkout_id: str, fate: Fate, at: int) -> Job[bool]:
    """Make this its fate, for ever; False: it is by now. Refused when it has the other one."""
    key = Key(principal="offline", key=checkout_id, body_hash=hashlib.sha256(fate.encode()).digest())
    try:
        return (yield from promise(merchant_id, key, checkout_id, at)) is None
    except Conflict as error:
        raise Conflict(*_TOO_LATE[fate]) from error
