"""kill -9 of the server at random steps of payment, refund, giving up, hand-over, closing, recovery, while tills sell.

After each: it is started again, the tills repeat what had no answer, and everything is compared.
"""

import asyncio
import random

from tests.faults.audit import audited
from tests.faults.crowd import Crowd
from tests.faults.place import Grounds, Place, grounds
from tests.faults.plan import Outcome, Plan

A_PLACE = 25
"""Rounds on one storage before a fresh one: the whole of it is verified after each."""
SECONDS = 30
EARLY, STEPS = 60, 2500
"""Every seventh kill comes among the first steps, so that recovery is met; the others anywhere in the rush."""
HAND_OVER, EVERY = "handover.", 5
"""Every fifth is aimed at the steps of a hand-over of what was accepted or paid in part; the first of all, too."""


async def run(plan: Plan, made: Outcome) -> None:
    """As many kills as the plan says."""
    async with grounds(plan.folder, plan.storage) as ground:
        while made.times < plan.times and not plan.over:
            await _place(plan, made, ground)


async def _place(plan: Plan, made: Outcome, ground: Grounds) -> None:
    place = await ground.place()
    crowd = Crowd(place, f"{plan.seed} {made.times}")
    dice = random.Random(f"{plan.seed} {made.times}")
    before, rounds = made.sales, 0
    try:
        while rounds < A_PLACE and made.times < plan.times and not plan.over:
            await _round(place, crowd, dice, made)
            async with place.sql() as sql:
                made.sales = before + await audited(sql, place.folder, crowd.book)
            rounds += 1
            plan.say(f"{made.times:,} of {plan.times:,} kills, {made.sales:,} sales")
    finally:
        await place.end()
        made.repeated += crowd.repeated
        made.seen.update(crowd.book.seen)


async def _round(place: Place, crowd: Crowd, dice: random.Random, made: Outcome) -> None:
    """A rush until the first kill; what was begun is brought to its end over as many others as come."""
    await _served(place, dice, made)
    stop = asyncio.Event()
    tills = crowd.serve(stop, closing=True)
    try:
        while not tills.done():
            gone = asyncio.create_task(place.gone.wait())
            await asyncio.wait([gone, tills], return_when=asyncio.FIRST_COMPLETED, timeout=SECONDS)
            gone.cancel()
            stop.set()
            await _served(place, dice, made)
    finally:
        tills.cancel()
    await tills


async def _served(place: Place, dice: random.Random, made: Outcome) -> None:
    """A server serves, after as many starts as it takes."""
    while True:
        if step := place.killed_at():
            made.times += 1
            made.seen[f"killed at {step.partition('.')[0]}"] += 1
        if not place.gone.is_set() or await place.start(*_last(dice, made.times)):
            return


def _last(dice: random.Random, times: int) -> tuple[int, str]:
    """The number of the last step, and of which."""
    if times % EVERY == 0:
        return dice.randint(1, 10), HAND_OVER
    return dice.randint(*((1, EARLY) if dice.random() < 1 / 7 else (EARLY, STEPS))), ""
