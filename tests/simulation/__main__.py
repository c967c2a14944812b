"""One run of the simulation: the same seed and the same steps are the same history, on any machine."""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from poi_engine.storage import migrate
from tests.simulation.world import World


async def simulated(folder: Path, seed: int, steps: int) -> World:
    """A world that has lived through its steps, on a fresh database."""
    await migrate(f"sqlite:///{folder / 'poi.db'}")
    world = World(folder, seed)
    try:
        await world.run(steps)
    finally:
        world.sql.close()
    return world


def main() -> None:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--steps", type=int, default=100_000)
    options = parser.parse_args()
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        world = asyncio.run(simulated(Path(folder), options.seed, options.steps))
    rate = world.history.steps / (time.process_time() - began)
    print(f"seed {options.seed}: {world.history.steps:,} steps, {rate:,.0f} a second of one core")
    print(f"history {world.history.digest}")


if __name__ == "__main__":
    main()
