"""Measure what the product promises, side by side in one run, and print one table.

The load generator runs in this process, every server in one of its own, all on loopback with data in a temporary
folder. Ratios come from interleaved rounds of the same run; none is shown when the machine was not free.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench import counters, decisions, insights, taps
from bench.figures import Row, table
from bench.offers import COUNT
from bench.trade import Trade, trade
from poi_server.benchmark.machine import described

PARTS = ("taps", "decisions", "sales", "insights")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--lines", type=int, default=10_000_000, help="sale lines of the dashboard's history")
    parser.add_argument("--quick", action="store_true", help="a smoke run of some seconds; its figures mean little")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return options


def _measures(folder: Path, bought: Trade, quick: bool, lines: int) -> dict[str, Callable[[], Awaitable[list[Row]]]]:
    live = 200 if quick else COUNT
    return {
        "taps": lambda: taps.measure(folder / "taps", bought, taps=5 if quick else 300, live=live),
        "decisions": lambda: decisions.measure(
            folder / "decisions",
            bought,
            rounds=1 if quick else 5,
            seconds=0.5 if quick else 3.0,
            live=(live,) if quick else (13, live),
        ),
        "sales": lambda: counters.measure(folder / "sales", bought, seconds=1.0 if quick else 15.0, live=live),
        "insights": lambda: insights.measure(_history(folder / "insights", quick, lines), bought),
    }


def _history(folder: Path, quick: bool, lines: int) -> insights.Options:
    folder.mkdir()
    today = datetime.now(UTC).date()
    return insights.Options(2_000 if quick else lines, "sqlite", folder, questions=1 if quick else 12, last=today)


async def _run(parts: list[str], quick: bool, lines: int) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="poi-bench-") as name:
        bought = trade()
        print(f"{bought.source}\n", flush=True)
        for part, measure in _measures(Path(name), bought, quick, lines).items():
            if not parts or part in parts:
                print(f"measuring {part} ...", file=sys.stderr, flush=True)
                rows += await measure()
    return rows


def main() -> int:
    """Print the machine and the table."""
    options = _options()
    print(described(), flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        rows = loop.run(_run(options.parts, options.quick, options.lines))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
