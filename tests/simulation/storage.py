"""Storage for the simulation: the shipped SQLite connection and job driver without threads, and sessions in memory.

Everything yields to the loop before it acts, so the seed alone decides who goes first.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from poi_engine.ports import Job
from poi_engine.session import MOVES, Session
from poi_engine.storage import failures
from poi_engine.storage.sqlite import connect, drive
from poi_engine.together import statements
from tests.simulation.history import History
from tests.simulation.weather import Weather

T = TypeVar("T")


class LoopSql:
    """Real SQLite: one connection, one transaction a job, on the loop."""

    def __init__(self, path: Path, history: History, weather: Weather) -> None:
        self._history = history
        self._weather = weather
        self._connection: sqlite3.Connection = connect(path, busy_seconds=2.0)
        self._connection.execute("pragma synchronous = off")  # crashes here are of the process, not of the machine

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads."""
        await asyncio.sleep(0)
        self._weather.before_read()
        return drive(self._noted(job()), self._connection)

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run a job in a transaction."""
        await asyncio.sleep(0)
        self._weather.before_write()
        self._connection.execute("begin immediate")
        try:
            result = drive(self._noted(job()), self._connection)
        except BaseException:
            self._connection.execute("rollback")
            raise
        unheard = self._weather.unknown()
        self._end("rollback" if unheard and not self._weather.committed() else "commit")
        await asyncio.sleep(0)  # a crash may come after the commit and before the answer
        if unheard:
            raise failures.unknown()
        return result

    def _end(self, how: str) -> None:
        self._history.note(how)
        self._connection.execute(how)

    def _noted(self, job: Job[T]) -> Job[T]:
        """The same job, each statement a step of the history."""
        try:
            query = next(job)
            while True:
                for one in statements(query):
                    self._history.note(one.text, one.values)
                query = job.send((yield query))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            job.close()

    def now(self, job: Callable[[], Job[T]]) -> T:
        """Run a reading job at once."""
        return drive(job(), self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class MemorySessions:
    """The `Sessions` port in memory, with the rules of the real one."""

    def __init__(self, history: History, weather: Weather) -> None:
        self._history = history
        self._weather = weather
        self._sessions: dict[str, Session] = {}
        self._stations: dict[str, str] = {}
        self._used: set[str] = set()

    def lose(self) -> None:
        """Forget all, as Redis may."""
        self._sessions.clear()
        self._stations.clear()
        self._used.clear()

    async def load(self, merchant_id: str, session_id: str) -> Session | None:
        """The session."""
        await self._reached("load", session_id)
        return self._sessions.get(session_id)

    async def at_station(self, merchant_id: str, station_id: str) -> Session | None:
        """The station's current session."""
        await self._reached("at station", station_id)
        session = self._sessions.get(self._stations.get(station_id, ""))
        return session if session and session.station_id == station_id else None

    async def of_customer(self, merchant_id: str, customer_id: str) -> Session | None:
        """An open session that the customer is known in."""
        await self._reached("of customer", customer_id)
        opened = (one for one in self._sessions.values() if MOVES[one.state])
        return next((one for one in opened if one.identity and one.identity.customer_id == customer_id), None)

    async def save(self, session: Session, *, expected_revision: int | None) -> bool:
        """Compare and set; done or not, the answer may be lost."""
        await self._reached("save", session.session_id, session.state, session.revision)
        saved = self._save(session, expected_revision)
        self._weather.at_redis()
        return saved

    def _save(self, session: Session, expected_revision: int | None) -> bool:
        stored = self._sessions.get(session.session_id)
        if (stored.revision if stored else None) != expected_revision:
            return False
        current = self._sessions.get(self._stations.get(session.station_id, ""))
        moved = stored is None or stored.station_id != session.station_id
        if moved and current and current.session_id != session.session_id and MOVES[current.state]:
            return False
        if moved and stored and self._stations.get(stored.station_id) == stored.session_id:
            del self._stations[stored.station_id]
        self._sessions[session.session_id] = session
        if moved or (current and current.session_id == session.session_id):
            self._stations[session.station_id] = session.session_id
        return True

    async def release(self, session: Session) -> None:
        """The station is free."""
        await self._reached("release", session.session_id)
        if self._stations.get(session.station_id) == session.session_id:
            del self._stations[session.station_id]

    async def first_use(self, key: str, seconds: int) -> bool:
        """True once."""
        await self._reached("first use", key)
        first = key not in self._used
        self._used.add(key)
        return first

    async def tell_sending(self, checkout_id: str, seconds: int) -> None:
        """One process needs to tell nobody."""

    async def is_sending(self, checkout_id: str) -> bool:
        """Nobody else does."""
        return False

    async def _reached(self, *what: object) -> None:
        await asyncio.sleep(0)
        self._history.note(*what)
        self._weather.at_redis()
