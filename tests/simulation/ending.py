"""How a simulated run ends: the terminal tells the truth, nothing stays open, and every invariant holds."""

from typing import TYPE_CHECKING

from poi_engine.verify import verify
from tests.engine.shop import M
from tests.simulation.checks import Broken
from tests.simulation.counters import STATIONS
from tests.simulation.looks import open_checkouts, part_paid, refunds_in_doubt
from tests.simulation.weather import CALM

if TYPE_CHECKING:
    from tests.simulation.world import World


async def clear_up(world: "World") -> None:
    """The terminal tells the truth from now on, so nothing may stay in doubt."""
    world.terminal.truthful = True
    world.weather.storms(CALM)
    for _ in range(5):
        world.clock.forward(16 * 60)
        done = await world.engine.recovery.run()
        await _ended_by_hand(world)
    if done.in_doubt:
        raise Broken(f"{done.in_doubt} payments stay in doubt")
    rows = await world.sql.read(open_checkouts)
    if rows:
        raise Broken(f"{rows} stay open")


async def _ended_by_hand(world: "World") -> None:
    """Somebody looks at what waits for a person: sales paid in part, refunds of which a part was declined."""
    for session_id in await world.sql.read(part_paid):
        await world.engine.stations.abandon(M, session_id)
        world.seen["given up paid in part"] += 1
    for sale_id, refund_id in await world.sql.read(refunds_in_doubt):
        by = world.by(STATIONS[0])
        await world.engine.resolving.refund(M, sale_id, refund_id, "declined", "no slip", by=by)
        world.seen["refunds given in part"] += 1


async def verified(world: "World") -> None:
    """Every invariant holds, over the whole store."""
    world.checks.step(whole=True)
    with world.weather.calm():
        findings = await verify(world.sql)
    if findings:
        raise Broken("; ".join(f"{found.rule} {found.subject}: {found.message}" for found in findings[:3]))
