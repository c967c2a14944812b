"""Session state in a Redis that no other process uses: what was stored there last is known without asking."""

import time
from collections import OrderedDict

from poi_engine.session import Session
from poi_engine.storage.redis import TIME_TO_LIVE, RedisSessions
from poi_engine.storage.redis_line import Line, line_to
from poi_engine.storage.redis_url import Client, connect

_REMEMBERED = 2_000
Key = tuple[str, str]
"""A merchant, and a session or a station."""


class OwnSessions(RedisSessions):
    """The `Sessions` port. Redis goes on comparing revisions: a change to what it has lost is refused, and what is
    stored is asked for again. Of a change without an answer nothing is remembered."""

    def __init__(self, client: Client, line: Line | None = None, *, time_to_live: float = TIME_TO_LIVE) -> None:
        super().__init__(client, line, time_to_live=time_to_live)
        self._seconds = time_to_live
        self._stored: OrderedDict[Key, tuple[Session, float]] = OrderedDict()
        self._there: dict[Key, str] = {}

    async def load(self, merchant_id: str, session_id: str) -> Session | None:
        """The session, or None when it is forgotten."""
        return self._known((merchant_id, session_id)) or await super().load(merchant_id, session_id)

    async def at_station(self, merchant_id: str, station_id: str) -> Session | None:
        """The station's current session."""
        known = self._known((merchant_id, self._there.get((merchant_id, station_id), "")))
        if known is not None and known.station_id == station_id:
            return known
        return await super().at_station(merchant_id, station_id)

    async def save(self, session: Session, *, expected_revision: int | None) -> bool:
        """Store if the stored revision is the expected one (None: if absent); False when somebody was faster."""
        key, here = (session.merchant_id, session.session_id), (session.merchant_id, session.station_id)
        before, there = self._stored.pop(key, None), self._there.pop(here, None)
        if before is not None:
            self._left(before[0])
        if not await super().save(session, expected_revision=expected_revision):
            return False
        self._remember(key, session)
        comes = expected_revision is None or (before is not None and before[0].station_id != session.station_id)
        if comes:
            self._there[here] = session.session_id
        elif before is not None and there is not None:
            self._there.setdefault(here, there)
        return True

    async def release(self, session: Session) -> None:
        """The station has no current session any more, if it was this one."""
        self._left(session)
        await super().release(session)

    async def forget_everything(self) -> None:
        """Empty the database."""
        self._stored.clear()
        self._there.clear()
        await super().forget_everything()

    def _known(self, key: Key) -> Session | None:
        session, until = self._stored.get(key, (None, 0.0))
        return session if time.monotonic() < until else None

    def _remember(self, key: Key, session: Session) -> None:
        self._stored[key] = (session, time.monotonic() + self._seconds)
        if len(self._stored) > _REMEMBERED:
            self._left(self._stored.popitem(last=False)[1][0])

    def _left(self, session: Session) -> None:
        self._there.pop((session.merchant_id, session.station_id), None)


def open_own_redis(url: str, *, time_to_live: float = TIME_TO_LIVE) -> OwnSessions:
    """Session state at the address of a Redis or Valkey that only this process uses."""
    return OwnSessions(connect(url), line_to(url), time_to_live=time_to_live)
