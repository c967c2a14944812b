"""Forget the customers whose last act is too long ago, by the merchant's rule; the server does it once a day by itself.

With --dry-run nothing is changed: it says whom the rule concerns. Runs on the running server of the data folder, or on
the storage itself when none runs.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import nullcontext
from typing import Any

import msgspec

from poi_engine.clientele.retention import RetentionJob, RetentionReport
from poi_engine.clock import SystemClock
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_engine.storage.folder import lock_folder
from poi_server.cli.client import Client
from poi_server.cli.verify import books
from poi_server.config import Config, data_folder
from poi_server.running import read_note

EXAMPLES = """\
  poi-server retention --dry-run
  poi-server retention
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to change anything."""
    parser.add_argument("--dry-run", action="store_true", help="only say whom it concerns")


def run(options: argparse.Namespace) -> int:
    """Carry the rule out and say what was done."""
    config: Config = options.settings
    note = None if config.storage.sql else read_note(data_folder(config))
    if note is not None:
        answer: Any = Client(note).call("POST", "/v1/retention", {"dry_run": options.dry_run})
        reports = [msgspec.convert(answer, RetentionReport)]
    else:
        reports = asyncio.run(_on_storage(config, options.dry_run))
    for report in reports:
        print(_said(report))
    return 0


async def _on_storage(config: Config, dry_run: bool) -> list[RetentionReport]:
    url = books(config)
    with nullcontext() if config.storage.sql else lock_folder(data_folder(config)):
        sql = open_sql(url)
        try:
            clock = SystemClock()
            job = RetentionJob(sql, clock, Ids(clock.now))
            return [await job.run(merchant_id, dry_run=dry_run) for merchant_id in await _merchants(sql)]
        finally:
            await sql.close()


async def _merchants(sql: Sql) -> list[str]:
    def job() -> Job[list[str]]:
        rows = yield Query("select merchant_id from merchant order by created_at, merchant_id")
        return [row["merchant_id"] for row in rows]

    return await sql.read(job)


def _said(report: RetentionReport) -> str:
    if report.action == "nothing":
        return "The rule says to keep everybody."
    years = f"{report.years} {'year' if report.years == 1 else 'years'}"
    if not report.dry_run:
        return f"{report.done} of {report.due} customers without an act for {years}: {report.action}d."
    lines = [f"{report.due} customers without an act for {years} would be {report.action}d."]
    lines += [
        f"  {one.customer_id}  last act {one.last_act}  {one.points} points, stored value {one.wallet}"
        for one in report.items
    ]
    return "\n".join(lines)
