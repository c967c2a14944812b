"""Storage that fails: refused before anything is written, committed without an answer, Redis away for a while."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from poi_engine.errors import StorageError
from poi_engine.storage import failures
from tests.simulation.history import History

_BEFORE = (failures.locked, failures.full, failures.busy)
CALM, RARE = 0.0, 0.004


class Weather:
    """Decides, by its seed, which calls of the storage fail. Everything is calm until `storms`."""

    def __init__(self, chance: random.Random, history: History) -> None:
        self._chance = chance
        self._history = history
        self._often = CALM
        self.redis_away = False

    def storms(self, often: float = RARE) -> None:
        """From now on that share of the calls fails."""
        self._often = often

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Nothing fails meanwhile: whoever checks what is stored reads it many times."""
        often, self._often = self._often, CALM
        try:
            yield
        finally:
            self._often = often

    def before_write(self) -> None:
        """Nothing is written."""
        if self._chance.random() < self._often:
            self._fail(self._chance.choice(_BEFORE)())

    def unknown(self) -> bool:
        """Whether the answer to a commit is lost."""
        return self._chance.random() < self._often

    def committed(self) -> bool:
        """Whether the commit of which nothing is heard took place."""
        return self._chance.random() < 0.5

    def before_read(self) -> None:
        """Nobody answers."""
        if self._chance.random() < self._often:
            self._fail(failures.away("The database does not answer."))

    def at_redis(self) -> None:
        """Redis is away, or this call of it fails, before or after it was done."""
        if self.redis_away or self._chance.random() < self._often:
            self._fail(StorageError("sessions-away", "Redis does not answer."))

    def _fail(self, error: StorageError) -> None:
        self._history.note("fails", error.code)
        raise error
