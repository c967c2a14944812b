"""One tap is read several times: what comes again at once at the same station is the same tap or scan."""

from collections import OrderedDict

from poi_engine.clock import Clock
from poi_engine.ports import Credential

PRODUCTS = frozenset({"gtin", "product"})
"""Schemes that add a product; all others identify a customer."""
_SECONDS = 1.5
_PRODUCT_SECONDS = 0.4
"""Shorter: two products alike are often scanned one after the other."""
_REMEMBERED = 1000


class Repeats:
    """What was read lately, by station."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def again(self, merchant_id: str, station_id: str, credential: Credential) -> bool:
        """Whether the same card or code was read there a moment ago."""
        key = (merchant_id, station_id, credential.scheme, credential.subject)
        now = self._clock.monotonic()
        last = self._seen.pop(key, None)
        self._seen[key] = now
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        pause = _PRODUCT_SECONDS if credential.scheme in PRODUCTS else _SECONDS
        return last is not None and now - last < pause
