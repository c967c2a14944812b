"""What a reader yields: a `Tap`, and the events around it."""

from dataclasses import dataclass
from typing import Literal

Assurance = Literal["identify", "authenticate"]


@dataclass(frozen=True, slots=True)
class Tap:
    """A card or phone read by an NFC reader; fits the engine's `Credential` structurally.

    `seen_at` is UTC seconds since 1970. `evidence` holds public facts of the read (tag type, protocol), never a key
    or a card number. `subject` is the loyalty reference or the chip's identity, by `scheme`.
    """

    scheme: str
    subject: str
    assurance: Assurance
    source: str
    seen_at: float
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ReaderEvent:
    """What happened at a reader: `ready`, `tap`, `gone`, `unreadable` (a card we could not read), `lost`, `stopped`.

    `detail` is a short English sentence for logs and `doctor`; `code` is stable (for the screen).
    """

    kind: Literal["ready", "tap", "gone", "unreadable", "lost", "stopped"]
    reader: str
    at: float
    tap: Tap | None = None
    code: str = ""
    detail: str = ""
