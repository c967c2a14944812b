"""A year of real-shaped trade for trying things out: the public data set *The Complete Journey*, told as our own.

`journey` reads the data set, `places` finds the stores' towns, `goods`, `coupons` and `visits` translate, `load` writes
everything through the engine's own jobs. The parts of the `[demo]` extra are imported only inside functions.
"""

from poi_server.demo_data.absent import DemoDataAbsent
from poi_server.demo_data.journey import ABOUT, SIZES, Journey, read_journey
from poi_server.demo_data.load import Loaded, load
from poi_server.progress import Progress

__all__ = ["ABOUT", "SIZES", "DemoDataAbsent", "Journey", "Loaded", "Progress", "load", "read_journey"]
