"""Thousands of visits to the shipped engine on real SQLite: nothing lost, nothing doubled, whatever happens when."""

import asyncio
import os
import secrets
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from poi_engine.errors import PoiError
from tests.simulation.bugs import BUGS, Plant
from tests.simulation.checks import Broken
from tests.simulation.world import World

STEPS = int(os.environ.get("POI_SIMULATION_STEPS", "150000"))
ROOT = Path(__file__).parents[2]
SHORT = 4000
"""Steps that are compared between two processes."""
FOUND_WITHIN = 60_000
"""Steps after which a planted bug must have shown itself."""


def new_world(template: Path, folder: Path, seed: int) -> World:
    """A world on a fresh database."""
    shutil.copy(template, folder / "poi.db")
    return World(folder, seed)


@pytest.mark.slow
@pytest.mark.timeout(0)
async def test_nothing_is_lost_or_doubled(
    sqlite_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("POI_SIMULATION_SEED", "0")) or secrets.randbits(32)
    world = new_world(sqlite_template, tmp_path, seed)
    with capsys.disabled():
        print(f"\nPOI_SIMULATION_SEED={seed} POI_SIMULATION_STEPS={STEPS}")
    try:
        await world.run(STEPS)
    finally:
        world.sql.close()
    with capsys.disabled():
        print(f"history {world.history.digest} of {world.history.steps:,} steps")
        print(", ".join(f"{what} {often}" for what, often in sorted(world.seen.items())))
    for what in (
        "crashes",
        "ended paid",
        "ended declined",
        "ended unknown",
        "refunds",
        "repeated",
        "decided again",
        "two keys",
        "set aside",
        "person paid",
        "person declined",
        "abandoned accepted",
        "forgotten",
        "handed over",
        "handed over paid in part",
        "outages of Redis",
        "clock steps",
        "asked again",
        "refused commit-unknown",
        "refused sessions-away",
    ):
        assert world.seen[what], f"{what} never happened"


async def test_one_seed_is_one_history(sqlite_template: Path, tmp_path: Path) -> None:
    """Also in another process, whose sets and dictionaries of strings lie differently in memory."""
    world = new_world(sqlite_template, tmp_path, seed=7)
    try:
        await world.run(SHORT)
    finally:
        world.sql.close()
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--steps", str(SHORT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "1"}
    beside = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE)
    told, wrong = await beside.communicate()
    assert beside.returncode == 0, wrong.decode()
    assert told.decode().splitlines()[-1] == f"history {world.history.digest}"
    assert world.seen["visits"] > 20


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
async def test_a_planted_bug_is_found(
    plant: Plant, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    world = new_world(sqlite_template, tmp_path, seed=2026)
    try:
        with pytest.raises(Exception) as found:
            await world.run(FOUND_WITHIN)
    finally:
        world.sql.close()
    assert isinstance(found.value, Broken | PoiError), found.value
    assert world.seen["visits"], "found by the simulation, not by its setting up"
