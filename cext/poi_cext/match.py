"""The matcher: compiled where it was built, else its plain Python twin. `POI_PURE=1` takes the twin."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING or os.environ.get("POI_PURE") == "1":
    from poi_cext._match_py import Event, Index, Matcher
else:
    try:
        from poi_cext._match import Event, Index, Matcher
    except ImportError:
        from poi_cext._match_py import Event, Index, Matcher

COMPILED: bool = Matcher.__module__ == "poi_cext._match"
"""The compiled matcher is in use."""

__all__ = ["COMPILED", "Event", "Index", "Matcher"]
