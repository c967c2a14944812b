"""Check every promise over the whole storage: balances, limits, single effects, receipts and their chain."""

from __future__ import annotations

import argparse
import asyncio

from poi_engine.errors import RequestError
from poi_engine.storage import open_sql
from poi_engine.verify import Finding, verify
from poi_server.config import Config, data_folder

EXAMPLES = """\
  poi-server verify
  poi-server verify --data /srv/poi
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing of its own."""


def run(options: argparse.Namespace) -> int:
    """Print what is broken; 1 when anything is."""
    findings = asyncio.run(_verify(_url(options.settings)))
    for finding in findings:
        print(f"{finding.rule}  {finding.merchant_id}  {finding.subject}  {finding.message}")
    print("All books are in order." if not findings else f"{len(findings)} things are broken.")
    return 1 if findings else 0


def _url(config: Config) -> str:
    if config.storage.sql:
        return config.storage.sql
    file = data_folder(config) / "poi.db"
    if not file.is_file():
        raise RequestError("no-books", f"There are no books at {file}.")
    return f"sqlite:///{file}"


async def _verify(url: str) -> list[Finding]:
    sql = open_sql(url)
    try:
        return await verify(sql)
    finally:
        await sql.close()
