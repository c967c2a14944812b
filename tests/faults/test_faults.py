"""A short, seeded part of `make faults`: each kind of fault a few times, everything compared after each.

POI_SOAK=1 takes more of each, and the kinds that take longer.
"""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from tests.faults import clocks, disks, kills, limits, races, restarts, wires
from tests.faults.plan import Outcome, Plan
from tests.servers import absent, postgres_programs

pytestmark = pytest.mark.valkey
SEED = int(os.environ.get("POI_FAULTS_SEED", "20261122"))
SOAK = bool(os.environ.get("POI_SOAK"))
Run = Callable[[Plan, Outcome], Coroutine[None, None, None]]


async def broken(run: Run, folder: Path, times: int, storage: str = "sqlite") -> Outcome:
    """So many faults, the same ones each time; every promise was kept."""
    if storage == "postgresql" and postgres_programs() is None:
        absent("PostgreSQL's server programs are not installed (apt: postgresql)")
    made = Outcome(run.__module__, storage)
    await run(Plan(folder=folder, storage=storage, seed=SEED, times=times * (20 if SOAK else 1)), made)
    assert made.times >= times
    return made


async def test_the_server_is_killed_again_and_again(tmp_path: Path) -> None:
    made = await broken(kills.run, tmp_path, 3)
    assert made.sales > 3
    assert made.repeated, "nobody had to ask again"
    assert [what for what in made.seen if what.startswith("killed at")]


async def test_requests_are_lost_doubled_cut_and_overtaken(tmp_path: Path) -> None:
    made = await broken(wires.requests, tmp_path, 1)
    assert made.sales
    assert made.seen["a request is doubled"]
    assert made.seen["a request comes again later"]


async def test_the_disk_fills_up_while_tills_sell(tmp_path: Path) -> None:
    made = await broken(disks.run, tmp_path, 1)
    assert made.sales
    assert made.repeated


async def test_two_counters_reach_for_the_same_thing(tmp_path: Path) -> None:
    await broken(races.run, tmp_path, 12)


@pytest.mark.postgresql
async def test_two_processes_reach_for_the_same_thing(tmp_path: Path) -> None:
    await broken(races.run, tmp_path, 6, "postgresql")


@pytest.mark.postgresql
async def test_four_processes_reserve_against_the_same_limits(tmp_path: Path) -> None:
    made = await broken(limits.run, tmp_path, 1600, "postgresql")
    assert made.seen["granted"] >= made.times // limits.SHARE
    assert made.seen["refused"]


LONGER = (
    *((run, "sqlite") for run in (restarts.valkey, wires.valkey, clocks.run)),
    *((run, "postgresql") for run in (kills.run, restarts.postgresql, wires.postgresql)),
)


@pytest.mark.skipif(not SOAK, reason="takes minutes: POI_SOAK=1, or make faults")
@pytest.mark.postgresql
@pytest.mark.parametrize(("run", "storage"), LONGER, ids=lambda value: getattr(value, "__name__", value))
async def test_storage_goes_and_comes_back(run: Run, storage: str, tmp_path: Path) -> None:
    await broken(run, tmp_path, 1, storage)
