"""What passes from a camera to the counter: each code once, and a barcode only when two reads agree."""

from collections.abc import Callable, Iterable

from poi_qr.decoders.symbol import Symbol

_Key = tuple[str, str, bytes]
_FAMILY = {"gs1-128": "code-128"}  # one engine sees the mark that makes a Code 128 a GS1-128, the other does not


class ScanGate:
    """Lets each code of a source through once while it stays in view; not for several threads at a time.

    A code is muted until it has been out of view for `mute_seconds`. A one-dimensional code passes when two engines, or
    two frames within `agree_seconds`, read the same.
    """

    def __init__(
        self, clock: Callable[[], float], *, mute_seconds: float = 2.5, agree_seconds: float = 2.0, capacity: int = 1024
    ) -> None:
        self._clock = clock
        self._mute_seconds = mute_seconds
        self._agree_seconds = agree_seconds
        self._capacity = capacity
        self._muted: dict[_Key, float] = {}
        self._seen_once: dict[_Key, float] = {}

    def offer(self, source: str, symbols: Iterable[Symbol]) -> list[Symbol]:
        """The symbols of one frame of `source` that count as scanned now, each once, in the frame's order."""
        now = self._clock()
        self._forget_old(now)
        reads: dict[_Key, list[Symbol]] = {}
        for symbol in symbols:
            reads.setdefault((source, _FAMILY.get(symbol.symbology, symbol.symbology), symbol.data), []).append(symbol)
        return [_best(found) for key, found in reads.items() if self._passes(key, found, now)]

    def _passes(self, key: _Key, found: list[Symbol], now: float) -> bool:
        if key in self._muted:
            self._muted[key] = now
            return False
        if found[0].linear and len({symbol.engine for symbol in found}) < 2 and self._seen_once.pop(key, None) is None:
            _keep(self._seen_once, key, now, self._capacity)
            return False
        self._seen_once.pop(key, None)
        _keep(self._muted, key, now, self._capacity)
        return True

    def _forget_old(self, now: float) -> None:
        for kept, seconds in ((self._muted, self._mute_seconds), (self._seen_once, self._agree_seconds)):
            for key in [key for key, seen in kept.items() if now - seen >= seconds]:
                del kept[key]


def _best(reads: list[Symbol]) -> Symbol:
    return next((symbol for symbol in reads if symbol.symbology in _FAMILY), reads[0])


def _keep(kept: dict[_Key, float], key: _Key, now: float, capacity: int) -> None:
    if len(kept) >= capacity:
        del kept[min(kept, key=lambda old: kept[old])]
    kept[key] = now
