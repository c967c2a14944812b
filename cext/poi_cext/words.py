"""Words by number: compiled where it was built, else its plain Python twin. `POI_PURE=1` takes the twin."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING or os.environ.get("POI_PURE") == "1":
    from poi_cext._words_py import Words, digest, gather
else:
    try:
        from poi_cext._words import Words, digest, gather
    except ImportError:
        from poi_cext._words_py import Words, digest, gather

COMPILED: bool = Words.__module__ == "poi_cext._words"
"""The compiled table is in use."""

__all__ = ["COMPILED", "Words", "digest", "gather"]
