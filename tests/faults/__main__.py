"""`make faults`: whatever breaks, no cent, point or limit is lost or doubled, and every answered sale is there once.

Each kind of fault runs while several tills sell, refund, give up and hand over; afterwards every invariant is checked
over the whole storage, the terminal's own book is compared with ours, and every answer with what is there.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple

from tests.faults import clocks, disks, kills, limits, nexo_tills, races, restarts, terminals, wires
from tests.faults.plan import Outcome, Plan, Progress, table

STORAGES = ("sqlite", "postgresql")


class Fault(NamedTuple):
    """A kind of fault: how often unless told, and on which storage it makes sense."""

    run: Callable[[Plan, Outcome], Coroutine[None, None, None]]
    times: int
    storages: tuple[str, ...] = STORAGES


FAULTS = {
    "kills": Fault(kills.run, 1000),
    "requests": Fault(wires.requests, 100),
    "nexo": Fault(nexo_tills.run, 100),
    "terminals": Fault(terminals.run, 100),
    "valkey-wire": Fault(wires.valkey, 100, ("sqlite",)),
    "valkey-restarts": Fault(restarts.valkey, 100, ("sqlite",)),
    "postgresql-wire": Fault(wires.postgresql, 100, ("postgresql",)),
    "postgresql-restarts": Fault(restarts.postgresql, 50, ("postgresql",)),
    "disks": Fault(disks.run, 50),
    "clocks": Fault(clocks.run, 200),
    "races": Fault(races.run, 1000),
    "limits": Fault(limits.run, 1_000_000),
}
"""By name, in the order in which they run."""


def main() -> int:
    """Run, and answer 1 when a promise was broken."""
    options = _options()
    print(f"seed {options.seed}: {_again(options)}", flush=True)
    outcomes = [
        _ran(name, storage, options)
        for name in options.only or FAULTS
        for storage in FAULTS[name].storages
        if options.storage in (None, storage)
    ]
    print(table(outcomes))
    if options.json:
        rows = [outcome.row() for outcome in outcomes]
        options.json.write_text(json.dumps({"seed": options.seed, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        print(f"\n{outcome.fault} on {outcome.storage}, seed {options.seed}:\n{outcome.failure}")
    if failed:
        print(f"\nagain: {_again(options)}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FAULTS, metavar="FAULT", help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--storage", choices=STORAGES, help="one of them; default: first SQLite, then PostgreSQL")
    parser.add_argument("--kills", "--times", dest="times", type=int, help="faults of each kind; each has its default")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="the most that each kind may take")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="any number; default random")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what came of it")
    return parser.parse_args()


def _again(options: argparse.Namespace) -> str:
    chosen = f" --only {' '.join(options.only)}" if options.only else ""
    storage = f" --storage {options.storage}" if options.storage else ""
    times = f" --times {options.times}" if options.times else ""
    return f"python -m tests.faults --seed {options.seed}{chosen}{storage}{times}"


def _ran(name: str, storage: str, options: argparse.Namespace) -> Outcome:
    fault = FAULTS[name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="poi-faults-") as folder:
        plan = Plan(
            folder=Path(folder),
            storage=storage,
            seed=options.seed,
            times=options.times or fault.times,
            until=began + options.minutes * 60,
            say=Progress(f"{name} on {storage}"),
        )
        outcome = Outcome(name, storage)
        try:
            asyncio.run(fault.run(plan, outcome))
        except Exception as error:
            outcome.failure = f"{type(error).__name__}: {error}"
            traceback.print_exc(file=sys.stderr)
    outcome.seconds = time.monotonic() - began
    return outcome


if __name__ == "__main__":
    raise SystemExit(main())
