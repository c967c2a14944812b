"""Run the server: embedded storage in the data folder unless the configuration names others.

On loopback it speaks plain HTTP. With --host beyond loopback it speaks TLS: by the certificate in the configuration, or
by a local authority that it makes and that phones trust once. Ctrl-C lets requests under way finish and stops.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import ssl
import sys
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from poi_engine.errors import StorageError
from poi_engine.setup import NewStation, NewStore
from poi_engine.storage.folder import FolderLocked
from poi_server.app import STARTED, make_app
from poi_server.cli.welcome import welcome
from poi_server.config import Config, data_folder
from poi_server.logs import configure_logs
from poi_server.one_processor import spread_out, stay_together
from poi_server.running import Running, remove_note, write_note
from poi_server.services import SERVICES
from poi_server.serving import Serving
from poi_server.tls import is_loopback, machine_names, server_context

EXAMPLES = """\
  poi-server serve                        on http://127.0.0.1:8080
  poi-server serve --demo-shop            with a demo shop on the first start: a pastry cook's
  poi-server serve --demo-shop clothing   or one that sells clothes
  poi-server serve --host 0.0.0.0         for phones and tablets of the same network, over TLS
"""


SWITCH_SECONDS = 0.0005
"""How long a busy thread keeps the interpreter: SQLite's writer lets go of it at each statement and soon wants it."""
COLLECTED = (20_000, 10, 100)
"""New objects, and rounds of younger ones, after which garbage in rings is looked for: requests leave little of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen."""
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on; 0 takes an unused one (default: 8080)")
    parser.add_argument(
        "--demo-shop",
        nargs="?",
        const="pastry",
        choices=("pastry", "clothing"),
        help="make a new shop whole: two stores, products, staff, customers, weeks of sales (default: pastry)",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal."""
    config = _configured(options)
    configure_logs(config.logs.format, config.logs.level)
    try:
        return _run(_serve(config, demo_shop=options.demo_shop))
    except FolderLocked as error:
        if not error.holder.address:
            raise
        print(f"poi-server runs here already: {error.holder.address}")
        return 0


def _configured(options: argparse.Namespace) -> Config:
    config: Config = options.settings
    http = config.http
    http = replace(
        http,
        host=http.host if options.host is None else options.host,
        port=http.port if options.port is None else options.port,
    )
    return replace(config, http=http)


def _run(work: Coroutine[None, None, int]) -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _tls(config: Config) -> tuple[ssl.SSLContext | None, bytes | None]:
    """Beyond loopback there is no plain HTTP, except to the reverse proxies that the configuration declares."""
    http = config.http
    if not config.tls.certificate and (is_loopback(http.host) or http.proxies):
        return None, None
    names = (*machine_names(http.host), *http.hosts)
    return server_context(config.tls, data_folder(config) / "tls", names, datetime.now(UTC))


async def _serve(config: Config, *, demo_shop: str | None) -> int:
    stop = _stop_signal()
    spread_out()
    context, authority = await asyncio.to_thread(_tls, config)
    serving = Serving(make_app(config, secure=context is not None, authority=authority), config, context)
    async with serving:
        started = serving.app[STARTED]
        pins = await _fill(serving, demo_shop) if demo_shop else {}
        if not demo_shop:
            await _first_counter(serving)
        note = Running(
            address=serving.base_url,
            pid=os.getpid(),
            secret=started.operator_secret,
            authority=(authority or b"").decode(),
        )
        write_note(started.folder, note)
        if started.lock:
            started.lock.serve_at(serving.base_url)
        sys.setswitchinterval(SWITCH_SECONDS)
        stay_together()
        gc.set_threshold(*COLLECTED)
        gc.freeze()  # what is there now stays: the collector need not go through all of it again and again
        try:
            with contextlib.suppress(StorageError):  # it serves already: what is away comes back
                print(await welcome(serving, pins), flush=True)
            await stop.wait()
            print("poi-server: finishing what is under way", file=sys.stderr)
        finally:
            remove_note(started.folder)
    return 0


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(sign)

    for sign in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(sign, first)
    return stop


async def _fill(serving: Serving, kind: str) -> Mapping[str, str]:
    """The demo shop, into a merchant that has no store yet; its staff's PINs by name."""
    from poi_server.demo.shop import create

    services, started = serving.app[SERVICES], serving.app[STARTED]
    if await services.setup.stores(started.merchant_id):
        return {}
    return (await create(services, started.merchant_id, kind)).pins


async def _first_counter(serving: Serving) -> None:
    """On the very first start: a store with one counter, so that selling can begin."""
    services, started = serving.app[SERVICES], serving.app[STARTED]
    if started.first_secret is None:
        return
    defaults = services.config.merchant
    store = await services.setup.add_store(started.merchant_id, NewStore(name=defaults.name, zone=defaults.zone))
    await services.setup.add_station(started.merchant_id, NewStation(store_id=store.store_id, name="1"))
