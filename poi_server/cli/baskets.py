"""Write past baskets, one a line, as `poi-server decide --requests` takes them.

Each sale is written as it was accepted: the moment, the store, the lines before any discount, the codes, the means of
payment as far as it was known then, and what was on file about the customer, without name and birthday. Nobody's name
is in the file, but it shows what single customers bought: keep it as you keep your books. It is read from the storage;
the server may run meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing
from datetime import date

import msgspec

from poi_engine.catalogue.past import Days, past_baskets
from poi_engine.storage import open_sql
from poi_offers.storetime import YEARS
from poi_server.cli.verify import books
from poi_server.replay.files import output
from poi_server.replay.lines import counted

EXAMPLES = """\
  poi-server baskets --first 2026-11-01 --last 2026-11-30 --out past.ndjson
  poi-server offers export > draft.ndjson                  then change the offers in it
  poi-server decide --offers draft.ndjson --requests past.ndjson --out decisions.ndjson
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which, and where to."""
    parser.add_argument("--first", metavar="DAY", type=_day, default=Days().first, help="from this day of the store on")
    parser.add_argument("--last", metavar="DAY", type=_day, default=Days().last, help="up to this day, included")
    parser.add_argument("--out", metavar="FILE", help="where they go (default: standard output)")


def run(options: argparse.Namespace) -> int:
    """Write and count them."""
    url = books(options.settings)
    count = asyncio.run(_write(url, Days(options.first, options.last), options.out))
    print(counted(count, "basket"), file=sys.stderr)
    return 0


async def _write(url: str, days: Days, name: str | None) -> int:
    encode, count, sql = msgspec.json.Encoder().encode, 0, open_sql(url)
    try:
        with output(name) as out:
            async with aclosing(past_baskets(sql, days)) as baskets:
                async for situation in baskets:
                    out.write(encode(situation) + b"\n")
                    count += 1
    finally:
        await sql.close()
    return count


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"give a day such as 2026-11-22, not {text!r}") from None
    if day.year not in YEARS:
        raise argparse.ArgumentTypeError(f"the year is {YEARS[0]} to {YEARS[-1]}")
    return day
