"""One tap for a card that flickers at the edge of the field."""

from collections.abc import Callable

Key = tuple[str, str]


class Debounce:
    """Remembers what was seen within the last `seconds`, by credential and not by chip number."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._last: dict[Key, float] = {}

    def is_new(self, key: Key) -> bool:
        """Say whether the key was not seen of late, and note that it is seen now."""
        self._forget()
        new = key not in self._last
        self.seen(key)
        return new

    def seen(self, key: Key) -> None:
        """Note that the key is seen now: the time runs from the last sight, not from the first."""
        self._last[key] = self._monotonic()

    def _forget(self) -> None:
        oldest = self._monotonic() - self._seconds
        self._last = {key: at for key, at in self._last.items() if at > oldest}
