"""PostgreSQL whose transactions dwell, so that others come in between."""

from collections.abc import Callable
from typing import TypeVar

from poi_engine.ports import Job, Query
from poi_engine.storage.postgres import PostgresSql
from poi_engine.together import statements

T = TypeVar("T")


class DwellingSql(PostgresSql):
    """Waits so many seconds after each statement of a write that begins with one of `after`."""

    def __init__(self, url: str, seconds: float, after: tuple[str, ...] = ("",)) -> None:
        super().__init__(url)
        self._pause = Query("select pg_sleep(?)", (seconds,))
        self._after = after

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run it slowly."""
        return await super().write(lambda: self._slowly(job()))

    def _slowly(self, job: Job[T]) -> Job[T]:
        try:
            asked = next(job)
            while True:
                rows = yield asked
                if any(query.text.startswith(self._after) for query in statements(asked)):
                    yield self._pause
                asked = job.send(rows)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            job.close()
