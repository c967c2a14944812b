"""The one composition root: every part is made here and handed to those who use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import structlog
from aiohttp import WSCloseCode, web

from poi_engine.access import Access
from poi_engine.clock import Clock, SystemClock
from poi_engine.engine import Engine
from poi_engine.errors import DeviceError
from poi_engine.ids import Ids
from poi_engine.insights import InsightsReader
from poi_engine.ports import ConnectorSetup, PaymentConnector
from poi_engine.push import Push
from poi_engine.setup import Setup
from poi_engine.staff.approvals import Approvals
from poi_engine.staff.pins import Pins
from poi_engine.staff.sellers import Sellers
from poi_engine.staff.signin import SignIns
from poi_engine.storage import migrate, open_sql
from poi_engine.storage.folder import FolderLock, lock_folder
from poi_engine.storage.redis import RedisSessions, open_redis
from poi_engine.storage.redis_own import open_own_redis
from poi_engine.storage.valkey import EmbeddedValkey
from poi_server.auth import Doorkeeper, Gate
from poi_server.config import Config, ConfigError, data_folder, fiscal_key
from poi_server.connections import CONNECTIONS, Connections
from poi_server.endpoint import Endpoint
from poi_server.http import Route
from poi_server.limits import Attempts, Pace
from poi_server.live import Live
from poi_server.metrics import Metrics
from poi_server.middleware import around
from poi_server.nexo.listener import NEXO_PORT, listening, nexo_server
from poi_server.nexo.server import NEXO
from poi_server.pushing import Pushing
from poi_server.questions import StationQuestions
from poi_server.readers import Readers
from poi_server.routes import route_table
from poi_server.scanning import Scanning
from poi_server.services import SERVICES, Services
from poi_server.taps import TapDesk
from poi_server.tls import LOOPBACK_NAMES, machine_names

log = structlog.get_logger(__name__)
CONNECTORS = "poi_server.connectors"
_OFTEN = ("till", "counter")


@dataclass(frozen=True)
class Started:
    """What the first start has to say. `first_secret` is the owner's, only when it was made now."""

    merchant_id: str
    folder: Path
    first_secret: str | None = field(repr=False)
    operator_secret: str = field(repr=False)
    lock: FolderLock | None


STARTED = web.AppKey("started", Started)


def make_app(
    config: Config, *, clock: Clock | None = None, secure: bool = False, authority: bytes | None = None
) -> web.Application:
    """The application; storage opens when it starts.

    `secure`: it will be served over TLS; `authority`: the certificate (PEM) of the local authority behind it.
    """
    metrics = Metrics()
    app = web.Application(middlewares=[around])
    app[CONNECTIONS] = Connections(config.limits, metrics, config.http.proxies)
    table = route_table()
    for route in sorted(table, key=_in_turn):
        app.router.add_route(route.method, route.path, Endpoint(route).serve)
        if route.method == "GET" and not route.websocket:
            app.router.add_route("HEAD", route.path, Endpoint(route).serve)
    builder = _Builder(config, clock or SystemClock(), metrics, secure, authority)
    app.cleanup_ctx.append(lambda app: _running(app, builder, table))
    app.on_shutdown.append(_close_sockets)
    return app


def _in_turn(route: Route) -> int:
    """What is asked most comes first: aiohttp tries the patterns with the same beginning one after the other."""
    return _OFTEN.index(route.tag) if route.tag in _OFTEN else len(_OFTEN)


async def _running(app: web.Application, builder: _Builder, table: tuple[Any, ...]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        services, started = await builder.build(stack, table)
        app[SERVICES], app[STARTED] = services, started
        app[NEXO] = await nexo_server(services, started.merchant_id)
        stack.push_async_callback(app[NEXO].close)
        port = await stack.enter_async_context(listening(app[NEXO], app[CONNECTIONS], started.folder))
        if port is not None:
            app[NEXO_PORT] = port
        yield


async def _close_sockets(app: web.Application) -> None:
    for socket in list(app[SERVICES].sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server stops")


class _Builder:
    """Opens the parts in order; the stack closes them in the opposite one."""

    def __init__(self, config: Config, clock: Clock, metrics: Metrics, secure: bool, authority: bytes | None) -> None:
        self.config = config
        self.clock = clock
        self.metrics = metrics
        self.secure = secure
        self.authority = authority
        self.folder = Path()
        self.ids = Ids(clock.now)

    async def build(self, stack: AsyncExitStack, table: tuple[Any, ...]) -> tuple[Services, Started]:
        """Every part of a running server."""
        config = self.config
        self.folder = await asyncio.to_thread(data_folder, config)
        lock = await self._lock(stack)
        sql, sessions = await self._storage(stack)
        exclusive = not config.storage.shared
        access = Access(sql, self.clock, self.ids, exclusive=exclusive)
        merchant = config.merchant
        merchant_id, secret = await access.ensure_owner(merchant.name, merchant.currency, merchant.language)
        live = await self._live(stack, sessions)
        engine = await self._engine(stack, sql, sessions, live)
        setup = Setup(sql, self.ids, self.clock)
        await setup.load_zones()
        pins = Pins(sql, self.clock, self.ids)
        signins = SignIns(sql, self.clock, self.ids, pins, live, exclusive=exclusive)
        sellers = Sellers(sql, self.clock, self.ids, access, pins, signins)
        desk = TapDesk(engine.stations, sellers, signins, merchant_id)
        stack.push_async_callback(desk.close)
        readers = Readers(desk.on_event, self.clock.now, emulate=config.nfc.emulate)
        stack.push_async_callback(asyncio.to_thread, readers.close)
        scanning = Scanning(self.clock.now, self.clock.monotonic)
        stack.callback(scanning.close)
        push = Push(sql, self.clock)
        pushing = Pushing(push, engine.notices, engine.offers, self.clock, config.push)
        pushing.start()
        stack.push_async_callback(pushing.close)
        gate = await asyncio.to_thread(self._gate)
        limits = config.limits
        attempts = Attempts(self.clock.monotonic, allowed=limits.attempts)
        pace = Pace(self.clock.monotonic, rate=limits.requests_per_second, burst=limits.requests_at_once)
        await self._start_readers(readers)
        services = Services(
            config=config,
            clock=self.clock,
            ids=self.ids,
            sql=sql,
            sessions=sessions,
            engine=engine,
            access=access,
            setup=setup,
            signins=signins,
            sellers=sellers,
            approvals=Approvals(sql, self.clock, self.ids, pins, signins),
            insights=InsightsReader(sql),
            gate=gate,
            doorkeeper=Doorkeeper(access, attempts, pace, gate),
            attempts=attempts,
            live=live,
            questions=StationQuestions(sessions.questions, live, self.ids),
            readers=readers,
            scanning=scanning,
            push=push,
            pushing=pushing,
            metrics=self.metrics,
            table=table,
            authority=self.authority,
        )
        return services, Started(merchant_id, self.folder, secret, access.grant_local(merchant_id), lock)

    async def _engine(self, stack: AsyncExitStack, sql: Any, sessions: RedisSessions, live: Live) -> Engine:
        engine = Engine(
            *(sql, sessions, live, await asyncio.to_thread(self._connectors), self.clock, self.ids),
            exclusive=not self.config.storage.shared,
            catalogues=self.folder / "catalogues",
            fiscal_key=fiscal_key(self.config, self.folder),
        )
        await engine.start()
        stack.push_async_callback(engine.close)
        return engine

    async def _lock(self, stack: AsyncExitStack) -> FolderLock | None:
        if self.config.storage.sql and self.config.storage.redis:
            await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True, mode=0o700)
            return None
        return stack.enter_context(await asyncio.to_thread(lock_folder, self.folder))

    async def _storage(self, stack: AsyncExitStack) -> tuple[Any, RedisSessions]:
        """SQL and Redis, opened at the same time: mostly others are waited for."""
        try:
            async with asyncio.TaskGroup() as both:
                sql, sessions = both.create_task(self._sql(stack)), both.create_task(self._sessions(stack))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return sql.result(), sessions.result()

    async def _sql(self, stack: AsyncExitStack) -> Any:
        url = self.config.storage.sql or f"sqlite:///{self.folder / 'poi.db'}"
        await migrate(url)
        sql = open_sql(url)
        stack.push_async_callback(sql.close)
        return sql

    async def _sessions(self, stack: AsyncExitStack) -> RedisSessions:
        sessions: RedisSessions
        if url := self.config.storage.redis:
            sessions = open_redis(url)
        else:
            embedded = await stack.enter_async_context(EmbeddedValkey(self.folder))
            sessions = open_own_redis(embedded.url)
        stack.push_async_callback(sessions.close)
        return sessions

    async def _live(self, stack: AsyncExitStack, sessions: RedisSessions) -> Live:
        if not self.config.storage.shared:
            return Live(self.ids.new("prc"), None, self.clock)
        live = Live(self.ids.new("prc"), sessions.fanout.publish, self.clock)
        fanned_out = sessions.fanout.listen(live.receive, subscribed=live.resync)
        listening = asyncio.create_task(fanned_out, name="fan-out")
        stack.push_async_callback(_cancelled, listening)
        return live

    def _connectors(self) -> dict[str, PaymentConnector]:
        found = {point.name: point for point in entry_points(group=CONNECTORS)}
        made: dict[str, PaymentConnector] = {}
        for name in self.config.payment.connectors:
            if name not in found:
                known = ", ".join(sorted(found)) or "none"
                raise ConfigError(f"No payment connector is called {name!r}; there are: {known}.", "$.payment")
            setup = ConnectorSetup(book=self.folder / f"{name}.db", clock=self.clock, terminals=self._terminals(name))
            made[name] = found[name].load()(setup)
        for terminal in self.config.payment.terminals:
            if terminal.connector not in made:
                raise ConfigError(
                    f"The terminal of {terminal.station} needs the connector {terminal.connector!r}: add it to "
                    "`connectors`.",
                    "$.payment.connectors",
                )
        return made

    def _terminals(self, connector: str) -> dict[str, dict[str, str | bool | int | float]]:
        terminals = self.config.payment.terminals
        return {one.station: one.options for one in terminals if one.connector == connector}

    def _gate(self) -> Gate:
        http = self.config.http
        names = [*machine_names(http.host), *http.hosts]
        others = [name for name in names if name not in LOOPBACK_NAMES]
        reachable = next((name for name in others if name[0].isdigit()), others[0] if others else None)
        return Gate(
            hosts=names, proxies=http.proxies, secure=self.secure, public_url=http.public_url, reachable=reachable
        )

    async def _start_readers(self, readers: Readers) -> None:
        for reader in self.config.nfc.readers:
            try:
                await readers.start(reader.station, reader.path)
            except DeviceError as error:
                log.warning("reader_absent", station=reader.station, path=reader.path, detail=error.message)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
