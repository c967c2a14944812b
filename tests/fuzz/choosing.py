"""Random offers and baskets to choose for: the compiled choice, its plain twin, and trying every combination."""

from collections import Counter
from collections.abc import Callable
from random import Random

from poi_cext.choose import COMPILED
from poi_offers.choice import choose, choose_plainly
from tests.fuzz.tally import Tally
from tests.offers.choices import Given, given_choice, money
from tests.offers.combinations import brute_force

SIZES = ((4, 4), (6, 6), (8, 8), (8, 8), (9, 12), (12, 5), (16, 12))
"""Offers and lines at most, in turn."""
ALL_TRIED = 12
"""Every combination is tried of so many offers at most; of more than nine in one choice of eight."""


def trial_of_choices(seed: int, number: int, count: int, tally: Tally) -> str:
    """Play so many choices; says what went wrong, in the smallest form found, or nothing."""
    for turn in range(count):
        own = f"{seed}-{number}-{turn}"
        dice = Random(own)
        offers, lines = SIZES[dice.randrange(len(SIZES))]
        given = given_choice(dice, offers, lines, scale=dice.choice((1, 1, 7919)))
        trouble = _difference(given, own, tally)
        if trouble:
            least = shrunk(given, lambda some, own=own: bool(_difference(some, own, Tally())))
            return f"choice {own}: {trouble}\nleast: {_difference(least, own, Tally())}\n{least}"
    return ""


def shrunk(given: Given, fails: Callable[[Given], bool]) -> Given:
    """Without the offers and lines that the failure does not need."""
    for what in ("offers", "items"):
        at = 0
        while at < len(getattr(given, what)):
            kept = getattr(given, what)
            less = given.with_(**{what: (*kept[:at], *kept[at + 1 :])})
            if fails(less):
                given = less
            else:
                at += 1
    return given


def _difference(given: Given, own: str, tally: Tally) -> str:
    dice, compiled, plain = Random(own), given.candidates(COMPILED), given.candidates(False)
    choice, expected = choose(compiled), choose_plainly(plain)
    tally["choice"] += 1
    tally["choice limited"] += bool(given.room)
    tally["choice bound hit"] += not choice.optimal
    if choice != expected:
        return f"compiled {choice}, plain {expected}"
    for mask in (choice.mask, dice.getrandbits(len(given.offers))):
        if money(compiled.evaluate(mask)) != money(plain.evaluate(mask)):
            return f"money of {mask:b}: compiled {compiled.evaluate(mask)}, plain {plain.evaluate(mask)}"
    most = ALL_TRIED if not dice.randrange(8) else 9
    if not choice.optimal or len(given.offers) > most:
        return ""
    tally["choice all tried"] += 1
    best = brute_force(compiled, Counter())
    return "" if best == choice.mask else f"chosen {choice.mask:b}, the best of all is {best:b}"
