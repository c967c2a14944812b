"""A short, seeded part of `make faults`: each kind of fault a few times, everything compared after each."""

import os
from pathlib import Path

import pytest

from tests.faults import kills
from tests.faults.plan import Outcome, Plan

pytestmark = pytest.mark.valkey
SEED = int(os.environ.get("POI_FAULTS_SEED", "20261122"))


def plan_of(folder: Path, times: int, storage: str = "sqlite") -> tuple[Plan, Outcome]:
    """So many faults, always the same ones."""
    return Plan(folder=folder, storage=storage, seed=SEED, times=times), Outcome("a part", storage)


async def test_the_server_is_killed_again_and_again(tmp_path: Path) -> None:
    plan, made = plan_of(tmp_path, 4)
    await kills.run(plan, made)
    assert made.times >= 4
    assert made.sales > 4
    assert made.repeated
