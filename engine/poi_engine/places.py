"""Where stations and stores stand, kept in memory for a moment: asked at every decision, changed almost never."""

from collections.abc import Callable
from typing import TypeVar

from poi_engine.clock import Clock
from poi_engine.errors import Conflict
from poi_engine.ports import Job, Sql
from poi_engine.settings import Counter, read_counter, read_place
from poi_offers.situation import Place

T = TypeVar("T")
FRESH_SECONDS = 0.5
"""How long a place is used before the storage is asked whether another process changed it."""
_REMEMBERED = 10_000


class Places:
    """Stations and stores. A change made in this process is told by `forget` and seen at once."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock
        self._counters: dict[tuple[str, str], tuple[float, Counter]] = {}
        self._places: dict[tuple[str, str], tuple[float, Place]] = {}

    async def counter(self, merchant_id: str, station_id: str) -> Counter:
        """A station and where it stands."""
        return await self._found(self._counters, (merchant_id, station_id), read_counter)

    async def place(self, merchant_id: str, store_id: str) -> Place:
        """Where a store stands."""
        return await self._found(self._places, (merchant_id, store_id), read_place)

    async def must_count(self, merchant_id: str, station_id: str | None) -> None:
        """Refuse what moves money for good at a station in training. None: somewhere else than at a station."""
        if station_id and (await self.counter(merchant_id, station_id)).training:
            raise Conflict("in-training", "This station is in training, and this would count: end the training first.")

    def forget(self) -> None:
        """A store, a station or what counters take was changed."""
        self._counters = {}
        self._places = {}

    async def _found(
        self, known: dict[tuple[str, str], tuple[float, T]], key: tuple[str, str], read: Callable[[str, str], Job[T]]
    ) -> T:
        now = self._clock.monotonic()
        entry = known.get(key)
        if entry is not None and now - entry[0] < FRESH_SECONDS:
            return entry[1]
        found = await self._sql.read(lambda: read(*key))
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = (now, found)  # after `forget` this is a dictionary that nobody reads any more
        return found
