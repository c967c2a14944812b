"""`make fuzz`: random offer sets and events, the compiled matcher against its plain twin and the oracle."""

import argparse
import os
import sys
from pathlib import Path
from random import SystemRandom
from time import monotonic

from poi_cext import match
from tests.fuzz.tally import Tally, missing, table
from tests.fuzz.trial import replay, trial
from tests.fuzz.workers import Report, fuzz


def main() -> int:
    """Run, and answer 1 when something differs or was never met."""
    options = _options()
    if options.replay:
        return _said(replay(options.replay))
    print(f"seed {options.seed}, {'compiled' if match.COMPILED else 'NOT COMPILED: the plain twin alone'}", flush=True)
    if options.world is not None:
        return _said(trial(options.seed, options.world, Tally()))
    return _run(options.pairs, options.seed, options.jobs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="pairs of an offer set and an event (%(default)s)")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="any number; default random")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (%(default)s); 0: in this one")
    parser.add_argument("--world", type=int, help="play the world of this number alone, in this process")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="play a history that a difference left behind")
    return parser.parse_args()


def _said(trouble: str) -> int:
    print(trouble or "no difference")
    return 1 if trouble else 0


def _run(pairs: int, seed: int, jobs: int) -> int:
    report, start, shown = Report(0, Tally()), monotonic(), monotonic()
    for report in fuzz(pairs, seed, jobs):
        if monotonic() - shown > 5:
            shown = monotonic()
            _progress(report.pairs, pairs, shown - start)
    print("\n" + table(report.tally))
    print(f"\n{report.pairs:,} pairs in {monotonic() - start:.0f} s, seed {seed}")
    if report.trouble:
        return _said(report.trouble)
    never = missing(report.tally)
    return _said(f"never met: {', '.join(never)}" if never else "")


def _progress(done: int, pairs: int, seconds: float) -> None:
    left = max(0, pairs - done) * seconds / max(1, done)
    end = "\r" if sys.stdout.isatty() else "\n"
    print(
        f"{done:,} of {pairs:,} pairs, {done / seconds:,.0f} a second, {left / 60:.0f} minutes left   ",
        end=end,
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
