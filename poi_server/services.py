"""What every request may use, built once by `make_app`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import web

from poi_engine.access import Access
from poi_engine.clock import Clock
from poi_engine.ids import Ids
from poi_engine.insights import InsightsReader
from poi_engine.ports import Sql
from poi_engine.push import Push
from poi_engine.setup import Setup
from poi_engine.staff.approvals import Approvals
from poi_engine.staff.sellers import Sellers
from poi_engine.staff.signin import SignIns
from poi_engine.storage.redis import RedisSessions
from poi_server.auth import Doorkeeper, Gate
from poi_server.config import Config
from poi_server.limits import Attempts
from poi_server.live import Live
from poi_server.metrics import Metrics
from poi_server.pushing import Pushing
from poi_server.questions import StationQuestions
from poi_server.readers import Readers
from poi_server.scanning import Scanning

if TYPE_CHECKING:
    from poi_engine.engine import Engine
    from poi_server.http import Route


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of a running server."""

    config: Config
    clock: Clock
    ids: Ids
    sql: Sql
    sessions: RedisSessions
    engine: Engine
    access: Access
    setup: Setup
    signins: SignIns
    sellers: Sellers
    approvals: Approvals
    insights: InsightsReader
    gate: Gate
    doorkeeper: Doorkeeper
    attempts: Attempts
    live: Live
    questions: StationQuestions
    readers: Readers
    scanning: Scanning
    push: Push
    pushing: Pushing
    metrics: Metrics
    table: tuple[Route, ...]
    authority: bytes | None = None
    sockets: WeakSet[web.WebSocketResponse] = field(default_factory=WeakSet)

    @property
    def log_requests(self) -> bool:
        """Whether every request gets a line in the log."""
        return self.config.logs.requests == "all"


SERVICES = web.AppKey("services", Services)
