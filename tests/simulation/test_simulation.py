"""Thousands of visits to the shipped engine on real SQLite: nothing lost, nothing doubled, whatever happens when."""

import os
import secrets
import shutil
from pathlib import Path

import pytest

from poi_engine.errors import PoiError
from tests.simulation.bugs import BUGS, Plant
from tests.simulation.checks import Broken
from tests.simulation.world import World

SESSIONS = int(os.environ.get("POI_SIMULATION_SESSIONS", "5000"))
FOUND_WITHIN = 400
"""Visits after which a planted bug must have shown itself."""


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
        print(f"\nPOI_SIMULATION_SEED={seed} POI_SIMULATION_SESSIONS={SESSIONS}")
    try:
        await world.run(SESSIONS)
    finally:
        world.sql.close()
    with capsys.disabled():
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
    ):
        assert world.seen[what], f"{what} never happened"


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
