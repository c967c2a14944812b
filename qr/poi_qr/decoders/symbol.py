"""What an engine reads: a `Symbol`."""

from dataclasses import dataclass
from typing import Literal

Symbology = Literal["qr", "data-matrix", "ean-13", "ean-8", "upc-a", "code-128", "gs1-128", "gs1-data-matrix", "gs1-qr"]
Position = tuple[tuple[int, int], ...]
"""Corner points in pixels of the upright image; empty when the engine does not tell."""

LINEAR: frozenset[str] = frozenset(("ean-13", "ean-8", "upc-a", "code-128", "gs1-128"))


@dataclass(frozen=True, slots=True)
class Symbol:
    """One reading of one code: its exact bytes, and the engine that read them."""

    symbology: Symbology
    data: bytes
    engine: str
    position: Position = ()

    @property
    def linear(self) -> bool:
        """True for barcodes of one dimension, which engines misread now and then."""
        return self.symbology in LINEAR
