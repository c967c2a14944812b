"""Dashboard queries over a long history while fifty stations sell.

    python -m bench.insights [--lines 1000000] [--storage sqlite | postgresql://...] [--keep FOLDER] [--json FILE]

The history is made by seeded repetition (`bench/history.py`). The server is the shipped one; every station sells a
basket each five seconds over HTTP, and one dashboard asks one question after the other. With --keep the filled folder
stays and is used again by the next run with as many lines.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import uvloop

from bench.counters import REFUSED
from bench.figures import Row, quantile, table
from bench.history import CUSTOMERS, OFFERS, Places, write_postgres, write_sqlite
from bench.offers import LAT, LON
from bench.server import Api, Server
from bench.trade import Trade, trade
from poi_engine.access import Access
from poi_engine.clock import SystemClock
from poi_engine.goods.products import Product, Products
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.setup import NewStation, NewStore, Setup
from poi_engine.storage import migrate, open_sql
from poi_server.benchmark.machine import cpu_seconds, described, load

STORES, STATIONS = 20, 50
EACH_SECONDS = 5.0
GOAL_MS = 200


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured."""

    lines: int
    storage: str
    folder: Path
    questions: int
    last: date


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.insights", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="sale lines of the history")
    parser.add_argument("--storage", default="sqlite", help="`sqlite`, or postgresql://... of an empty database")
    parser.add_argument("--questions", type=int, default=40, help="how often each question is asked")
    parser.add_argument("--keep", type=Path, help="a folder to fill, or that an earlier run filled")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    return parser.parse_args()


# --- filling -------------------------------------------------------------------------------------------------------


async def _fill(options: Options, bought: Trade) -> dict[str, Any]:
    """The shop through the engine's services, its history straight into the tables; a note of both."""
    note = options.folder / "history.json"
    if note.exists():
        found: dict[str, Any] = json.loads(note.read_text())
        if found["lines"] != options.lines or found["storage"] != options.storage:
            raise SystemExit(f"{options.folder} holds another history; give another folder.")
        return found
    url = _url(options)
    await migrate(url)
    sql = open_sql(url)
    try:
        places = await _shop(sql, bought)
    finally:
        await sql.close()
    started = time.perf_counter()
    if options.storage == "sqlite":
        counted = await asyncio.to_thread(
            write_sqlite, options.folder / "poi.db", places, bought, options.lines, options.last
        )
    else:
        counted = await write_postgres(url, places, bought, options.lines, options.last)
    made = {
        "lines": options.lines,
        "storage": options.storage,
        "last": options.last.isoformat(),
        "stations": places.stations,
        "fill_seconds": time.perf_counter() - started - counted,
        "count_seconds": counted,
    }
    note.write_text(json.dumps(made))
    return made


def _url(options: Options) -> str:
    return f"sqlite:///{options.folder / 'poi.db'}" if options.storage == "sqlite" else options.storage


async def _shop(sql: Sql, bought: Trade) -> Places:
    clock = SystemClock()
    ids = Ids(clock.now)
    m, _ = await Access(sql, clock, ids, exclusive=True).ensure_owner("Bench", "EUR", "fr")
    setup, goods = Setup(sql, ids), Products(sql, clock, ids)
    stores = [
        (
            await setup.add_store(
                m, NewStore(name=f"Store {number}", zone="Europe/Paris", lat=LAT, lon=LON, regions=("FR",))
            )
        ).store_id
        for number in range(STORES)
    ]
    stations = [
        (stores[number % STORES], NewStation(store_id=stores[number % STORES], name=f"Counter {number}"))
        for number in range(STATIONS)
    ]
    made = [(store_id, (await setup.add_station(m, station)).station_id) for store_id, station in stations]
    for item in bought.articles:
        await goods.put(
            m,
            Product(
                code=item.code,
                label=item.label,
                unit_price=item.unit_price,
                category=item.category,
                brand=item.brand,
                vat_rate=item.vat_rate,
            ),
        )
    await sql.write(lambda: _people(m))
    return Places(m, tuple(made))


def _people(merchant_id: str) -> Job[None]:
    """The customers and offers that the history names."""
    for number in range(CUSTOMERS):
        yield Query(
            "insert into customer (merchant_id, customer_id, display_name, pseudonym, language, tier, segments,"
            " created_at) values (?, ?, ?, 1, 'fr', '', '[]', 0)",
            (merchant_id, f"cus_{number:08d}", f"Customer {number}"),
        )
    for number in range(OFFERS):
        document = json.dumps({"offer_id": f"off_{number}", "name": {"en": f"Offer {number}"}})
        yield Query(
            "insert into offer_version (merchant_id, offer_id, version, document, created_at) values (?, ?, 1, ?, 0)",
            (merchant_id, f"off_{number}", document),
        )
        yield Query(
            "insert into offer (merchant_id, offer_id, version, state, changed_at) values (?, ?, 1, 'removed', 0)",
            (merchant_id, f"off_{number}"),
        )


# --- measuring -----------------------------------------------------------------------------------------------------


def _questions(note: dict[str, Any], bought: Trade) -> dict[str, list[str]]:
    """What a dashboard asks, with several variants each."""
    last = date.fromisoformat(note["last"])
    stores = sorted({store_id for store_id, _ in note["stations"]})[:5]
    common = bought.baskets[0].items[0]

    def days(count: int, shift: int = 0) -> str:
        end = last - timedelta(days=shift)
        return f"first={end - timedelta(days=count - 1)}&last={end}"

    shifts = (0, 3, 11, 40, 200)
    named = f"code={quote(common.code)}&label={quote(common.label)}"
    return {
        "figures, 7 days, all stores": [f"/v1/insights?{days(7, shift)}" for shift in shifts],
        "figures, 30 days, all stores": [f"/v1/insights?{days(30, shift)}" for shift in shifts],
        "figures, 30 days, one store": [f"/v1/insights?{days(30)}&store_id={store}" for store in stores],
        "figures, 30 days, and those before": [f"/v1/insights?{days(30, shift)}&compare=before" for shift in shifts],
        "figures, 90 days, all stores": [f"/v1/insights?{days(90, shift)}" for shift in shifts],
        "figures, 365 days, all stores": [f"/v1/insights?{days(365, shift)}" for shift in shifts],
        "figures without lists, 365 days, and the year before": [f"/v1/insights?{days(365)}&top=0&compare=year"],
        "best sellers with trend, 30 days": [f"/v1/insights/products?{days(30, shift)}" for shift in shifts],
        "best sellers with trend, 365 days": [f"/v1/insights/products?{days(365, shift)}" for shift in shifts],
        "cohorts, 24 months": ["/v1/insights/cohorts?months=24"],
        "sales behind a cell of the heat map, 30 days": [
            f"/v1/insights/sales?{days(30)}&weekday={day}&hour=17" for day in range(1, 6)
        ],
        "sales behind a product, 365 days": [f"/v1/insights/sales?{days(365)}&{named}"],
        "sales behind a customer, 365 days": [
            f"/v1/insights/sales?{days(365)}&customer_id=cus_{number:08d}" for number in (1, 500, 20_000)
        ],
    }


async def _measure(options: Options, note: dict[str, Any], bought: Trade) -> list[Row]:
    config = "" if options.storage == "sqlite" else f'[storage]\nsql = "{options.storage}"\n'
    times: dict[str, list[float]] = defaultdict(list)
    async with Server(options.folder, config=config) as server, aiohttp.ClientSession() as http:
        api = Api(http, server)
        sold: list[float] = []
        counters = [asyncio.create_task(_sell(api, station, bought, sold)) for _, station in note["stations"]]
        await asyncio.sleep(EACH_SECONDS)
        sold.clear()
        cpu, started = cpu_seconds(server.pid), time.perf_counter()
        try:
            await _ask(api, _questions(note, bought), options.questions, times, counters)
        finally:
            for counter in counters:
                counter.cancel()
            await asyncio.gather(*counters, return_exceptions=True)
        took, used = time.perf_counter() - started, cpu_seconds(server.pid) - cpu
    return _rows(times, sold, took, used)


async def _ask(
    api: Api,
    questions: dict[str, list[str]],
    often: int,
    times: dict[str, list[float]],
    counters: Sequence[asyncio.Task[None]],
) -> None:
    """Every question so many times, in random order."""
    dice = random.Random(3)
    asked = [(name, dice.choice(variants)) for name, variants in questions.items() for _ in range(often)]
    dice.shuffle(asked)
    for name, path in asked:
        for counter in counters:
            if counter.done():
                counter.result()
        started = time.perf_counter()
        await api.call("GET", path)
        times[name].append((time.perf_counter() - started) * 1000)


async def _sell(api: Api, station: str, bought: Trade, sold: list[float]) -> None:
    """One station: a basket each few seconds, paid by card."""
    dice = random.Random(station)
    await asyncio.sleep(dice.random() * EACH_SECONDS)
    while True:
        started = time.perf_counter()
        basket = dice.choice(bought.baskets)
        entries = [{"code": item.code, "quantity": item.quantity} for item in basket.items]
        session = await api.call("POST", f"/v1/stations/{station}/session", {})
        path = f"/v1/sessions/{session['session_id']}"
        session = await api.call("PUT", f"{path}/basket", {"entries": entries})
        while session["decision"]["total"] % 100 in REFUSED:
            entries = [*entries, {"label": "Bag", "amount": 10}]
            session = await api.call("PUT", f"{path}/basket", {"entries": entries})
        accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        await api.call("POST", f"{path}/accept", accepted)
        await api.call("POST", f"{path}/pay", {"means": "card"}, Idempotency_Key=secrets.token_hex(12))
        took = time.perf_counter() - started
        sold.append(took)
        await asyncio.sleep(max(0.0, EACH_SECONDS - took))


def _rows(times: dict[str, list[float]], sold: list[float], took: float, used: float) -> list[Row]:
    every = [one for found in times.values() for one in found]
    rows = [Row(f"every question together ({len(every)})", _figures(every), f"p95 < {GOAL_MS} ms")]
    rows += [Row(f"  {name}", _figures(found), "") for name, found in times.items()]
    milliseconds = [one * 1000 for one in sold]
    return [
        *rows,
        Row(f"sales a second meanwhile, {STATIONS} stations", f"{len(sold) / took:.1f}"),
        Row("  one sale (four requests)", _figures(milliseconds) if sold else "none in so short a time"),
        Row("  server's processor time, of one core", f"{used / took:.0%}"),
    ]


def _figures(values: list[float]) -> str:
    return f"p50 {quantile(values, 0.5):.1f} ms, p95 {quantile(values, 0.95):.1f} ms, max {max(values):.0f} ms"


async def measure(options: Options, bought: Trade) -> list[Row]:
    """Fill the history unless the folder holds it, then ask every question while the stations sell."""
    note = await _fill(options, bought)
    filled, counted = note["fill_seconds"], note["count_seconds"]
    print(
        f"\n{options.lines:,} sale lines on {options.storage.partition(':')[0]}: filled in {filled:.0f} s,"
        f" counted into rollups in {counted:.0f} s (what upgrading a database takes)",
        flush=True,
    )
    return await _measure(options, note, bought)


def main() -> int:
    """Print the machine and the table."""
    given = _options()
    print(described(), flush=True)
    bought = trade()
    print(f"{bought.source}; load {load():.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="poi-insights-") as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        options = Options(given.lines, given.storage, folder, given.questions, datetime.now(UTC).date())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            rows = loop.run(measure(options, bought))
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps({row.what: row.figure for row in rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
