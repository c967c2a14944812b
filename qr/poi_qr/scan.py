"""What a scanner yields: a `Scan`."""

from dataclasses import dataclass
from typing import Literal

Assurance = Literal["identify", "authenticate"]


@dataclass(frozen=True, slots=True)
class Scan:
    """A code read by a scanner, camera or image; fits the engine's `Credential` structurally.

    `scheme` names what the payload is (`poi1`, `gtin`, `loyalty`, `url`, `station`, `text`, ...); `subject` is its
    value in that scheme. `seen_at` is UTC seconds since 1970. `evidence` holds public facts of the read (symbology,
    engine).
    """

    scheme: str
    subject: str
    assurance: Assurance
    source: str
    seen_at: float
    evidence: tuple[tuple[str, str], ...] = ()
