"""The compiled choice where it was built, else None: `poi_offers` answers in plain Python. `POI_PURE=1` wants that."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poi_cext._choose import Effects, Solver
elif os.environ.get("POI_PURE") == "1":
    Effects = Solver = None
else:
    try:
        from poi_cext._choose import Effects, Solver
    except ImportError:
        Effects = Solver = None

COMPILED: bool = Solver is not None
"""The compiled choice is in use."""

__all__ = ["COMPILED", "Effects", "Solver"]
