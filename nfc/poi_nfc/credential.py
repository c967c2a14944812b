"""From what was read on a card to who it identifies."""

from dataclasses import dataclass

from poi_nfc.errors import CardError
from poi_nfc.ndef import loyalty_reference
from poi_nfc.tap import Tap

RANDOM_UID = b"\x08"
RANDOM_IDM = b"\x01\xfe"


@dataclass(frozen=True, slots=True)
class CardRead:
    """What a card told: its chip number, its kind (`type2`, `type4a`, ...) and its NDEF message, if it has one."""

    uid: bytes
    kind: str
    message: bytes | None


def tap_of(card: CardRead, *, source: str, seen_at: float) -> Tap:
    """Return the credential of a card; `CardError` if it is malformed or changes its number at every tap."""
    reference = loyalty_reference(card.message) if card.message else None
    scheme, subject = ("ndef", reference) if reference else ("uid", _chip_number(card))
    return Tap(scheme, subject, "identify", source, seen_at, evidence=(("tag", card.kind),))


def _chip_number(card: CardRead) -> str:
    if not card.uid:
        raise CardError("unsupported-card", f"a {card.kind} card without a number")
    # a Type B number may be drawn anew at every activation, and no bit says so
    if (
        card.uid.startswith(RANDOM_UID)
        or card.kind == "type4b"
        or (card.kind == "type3" and card.uid[:2] == RANDOM_IDM)
    ):
        raise CardError("random-uid", "the card or phone shows a random number and no loyalty reference")
    return card.uid.hex()
