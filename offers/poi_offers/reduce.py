"""What need not be searched: offers that another one always beats, and offers that never meet.

Both keep the exact optimum, ties included, because they are used only where that can be shown.

**Beaten.** Of two offers of a group that admits one, the second in the order of priority and id is never chosen when
the first takes, by one step of the same kind, no less off each of its lines, and costs no more points: put in its
place, it leaves every line and so the total no higher, and wins a tie. Caps, scoped basket amounts, money limits and
gains that depend on what is paid could turn that round: with any of them nothing is called beaten.

**Never meeting.** Offers that share no line (by a step or a gain) and no group change neither each other's money nor
each other's legality, so the best of each part together is the best of all. Ties are decided by the number of offers
and then by the smallest ids, part by part as on the whole, when all have one priority; with several priorities, with
steps or gains on the whole basket, or when the points do not pay all rewards, nothing is split.
"""

from collections.abc import Sequence

from poi_offers.candidates import Candidates, bits
from poi_offers.steps import BASKET_AMOUNT, BASKET_PERCENT, UNITS, Step


def unbeaten(candidates: Candidates, pool: Sequence[int], fixed: int) -> list[int]:
    """The offers of the pool that no other one always beats."""
    players = {*pool, *bits(fixed)}
    steps = [step for step in candidates.steps if step.offer in players]
    if not _plain(candidates, players, steps):
        return list(pool)
    own: dict[int, list[Step]] = {}
    for step in steps:
        own.setdefault(step.offer, []).append(step)
    giving = {gain.offer for gain in candidates.gains}
    simple = [i for i in pool if i not in giving and len(own.get(i, ())) == 1 and _alone_in_group(candidates, i)]
    beaten = {
        lesser
        for lesser in simple
        for better in simple
        if better < lesser and _beats(candidates, own[better][0], own[lesser][0])
    }
    return [i for i in pool if i not in beaten]


def _plain(candidates: Candidates, players: set[int], steps: Sequence[Step]) -> bool:
    whole = sum(1 for amount in candidates.sheet.amounts if amount)
    return (
        all(candidates.room[i] is None for i in players)
        and all(gain.offer not in players or gain.times == 0 for gain in candidates.gains)
        and all(step.cap is None for step in steps)
        and all(step.rank != BASKET_AMOUNT or len(step.lines) == whole for step in steps)
    )


def _alone_in_group(candidates: Candidates, offer: int) -> bool:
    return candidates.groups[offer] is not None and candidates.offers[offer].stacking.group_max == 1


def _beats(candidates: Candidates, better: Step, lesser: Step) -> bool:
    mine, theirs = candidates.offers[better.offer], candidates.offers[lesser.offer]
    return (
        candidates.groups[better.offer] == candidates.groups[lesser.offer]
        and (mine.reward_points or 0) <= (theirs.reward_points or 0)
        and better.rank == lesser.rank != UNITS
        and better.percent >= lesser.percent
        and better.amount >= lesser.amount
        and set(better.lines) >= set(lesser.lines)
    )


def parts(candidates: Candidates, pool: Sequence[int], fixed: int) -> list[list[int]]:
    """The pool in parts that never meet; one part where that cannot be shown."""
    players = {*pool, *bits(fixed)}
    if len(pool) < 2 or not _local(candidates, pool, players):
        return [list(pool)]
    leader = list(range(len(candidates.offers)))
    lines = [(step.offer, line) for step in candidates.steps for line in step.lines]
    lines += [(gain.offer, line) for gain in candidates.gains if gain.times for line in gain.lines or ()]
    meeting = [(offer, ("line", line)) for offer, line in lines if offer in players]
    meeting += [
        (i, ("group", group)) for i, group in enumerate(candidates.groups) if group is not None and i in players
    ]
    first: dict[tuple[str, int], int] = {}
    for offer, place in meeting:
        _join(leader, offer, first.setdefault(place, offer))
    found: dict[int, list[int]] = {}
    for i in pool:
        found.setdefault(_leader(leader, i), []).append(i)
    return list(found.values())


def _local(candidates: Candidates, pool: Sequence[int], players: set[int]) -> bool:
    offers = candidates.offers
    return (
        len({offers[i].stacking.priority for i in pool}) == 1
        and all(step.rank < BASKET_PERCENT for step in candidates.steps if step.offer in players)
        and all(g.lines is not None or not g.times for g in candidates.gains if g.offer in players)
        and sum(offers[i].reward_points or 0 for i in players) <= candidates.points
    )


def _leader(leader: list[int], offer: int) -> int:
    while leader[offer] != offer:
        offer = leader[offer]
    return offer


def _join(leader: list[int], one: int, other: int) -> None:
    first, second = sorted((_leader(leader, one), _leader(leader, other)))
    leader[second] = first
