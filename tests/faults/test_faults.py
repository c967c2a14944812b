"""A short, seeded part of `make faults`: each kind of fault a few times, everything compared after each.

POI_SOAK=1 takes more of each, and each on both storages.
"""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from tests.faults import clocks, disks, kills, limits, nexo_tills, races, restarts, terminals, wires
from tests.faults.__main__ import FAULTS
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
    assert made.seen["killed at handover"]


async def test_requests_are_lost_doubled_cut_and_overtaken(tmp_path: Path) -> None:
    made = await broken(wires.requests, tmp_path, 1)
    assert made.sales
    assert made.seen["a request is doubled"]
    assert made.seen["a request comes again later"]


async def test_messages_of_nexo_tills_are_lost_doubled_cut_and_overtaken(tmp_path: Path) -> None:
    made = await broken(nexo_tills.run, tmp_path, 1)
    assert made.seen["payment made"]
    assert made.repeated, "nobody had to ask what became of a payment"
    assert made.seen["a message is doubled"]


async def test_messages_to_terminals_are_lost_doubled_cut_and_overtaken(tmp_path: Path) -> None:
    made = await broken(terminals.run, tmp_path, 1)
    assert made.seen["sold"]
    assert made.seen["a message is doubled"] or made.seen["a message comes again later"]


async def test_the_wire_to_valkey_is_bad(tmp_path: Path) -> None:
    made = await broken(wires.valkey, tmp_path, 1)
    assert [what for what in made.seen if what.startswith("the wire is")]


async def test_valkey_goes_and_comes_back(tmp_path: Path) -> None:
    await broken(restarts.valkey, tmp_path, 1)


@pytest.mark.postgresql
async def test_the_wire_to_postgresql_is_bad(tmp_path: Path) -> None:
    made = await broken(wires.postgresql, tmp_path, 1, "postgresql")
    assert [what for what in made.seen if what.startswith("the wire is")]


@pytest.mark.postgresql
async def test_postgresql_goes_and_comes_back(tmp_path: Path) -> None:
    await broken(restarts.postgresql, tmp_path, 1, "postgresql")


async def test_the_clock_jumps_while_tills_sell(tmp_path: Path) -> None:
    made = await broken(clocks.run, tmp_path, 4)
    assert made.sales


async def test_the_disk_fills_up_while_tills_sell(tmp_path: Path) -> None:
    made = await broken(disks.run, tmp_path, 1)
    assert made.sales
    assert made.repeated


@pytest.mark.skipif(os.getuid() != 0, reason="PostgreSQL's disk is a mounted file system: needs root")
@pytest.mark.postgresql
async def test_postgresqls_disk_fills_up_while_tills_sell(tmp_path: Path) -> None:
    made = await broken(disks.run, tmp_path, 1, "postgresql")
    assert made.seen["503 storage-full"]


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


BESIDES = (clocks.run, kills.run, nexo_tills.run, terminals.run, wires.requests)


@pytest.mark.skipif(not SOAK, reason="takes minutes: POI_SOAK=1, or make faults")
@pytest.mark.postgresql
@pytest.mark.parametrize("run", BESIDES, ids=lambda run: run.__module__)
async def test_so_it_is_on_postgresql(run: Run, tmp_path: Path) -> None:
    await broken(run, tmp_path, 1, "postgresql")


def test_every_kind_of_fault_has_its_part_here() -> None:
    here = Path(__file__).read_text("utf-8")
    kinds = {f"{fault.run.__module__.rpartition('.')[2]}.{fault.run.__name__}" for fault in FAULTS.values()}
    assert {kind for kind in kinds if f"await broken({kind}, tmp_path" not in here} == set()
