"""Do the parts we depend on answer, within a second."""

from __future__ import annotations

import asyncio

from poi_engine.errors import PoiError
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage.redis import RedisSessions

SECONDS = 1.0


async def check_sql(sql: Sql) -> bool:
    """True when SQL answers a read."""
    try:
        await asyncio.wait_for(sql.read(_one), SECONDS)
    except (PoiError, TimeoutError):
        return False
    return True


async def check_sessions(sessions: RedisSessions) -> bool:
    """True when Redis answers."""
    try:
        await asyncio.wait_for(sessions.ping(), SECONDS)
    except (PoiError, TimeoutError):
        return False
    return True


def _one() -> Job[None]:
    yield Query("select 1 as one")
