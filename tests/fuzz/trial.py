"""One numbered world, played; when something goes wrong, the shortest history found that still does."""

from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import playing, programs, world
from tests.fuzz.choosing import trial_of_choices
from tests.fuzz.shrink import shrunk
from tests.fuzz.steps import Add, Discard, Look, Own, Renew, Step, as_json, from_json
from tests.fuzz.tally import Tally

PROGRAMS_EVERY = 8
"""After so many worlds of offers comes one of bare programs."""
CHOICES = 8
"""After each world come so many choices."""
FOUND = Path("build/fuzz")


def trial(seed: int, number: int, tally: Tally, patience: float = 60.0) -> str:
    """Play the world of this number; says what went wrong, or nothing. Shrinking takes at most `patience` seconds."""
    tally[world.kind_of(number)] += world.asks_of(number)
    trouble = _tried(f"{seed}-{number}", world.steps_of(seed, number), tally, patience)
    trouble = trouble or trial_of_choices(seed, number, CHOICES, tally)
    if trouble or number % PROGRAMS_EVERY:
        return trouble
    steps = programs.ProgramGenerator(seed * 1_000_003 + number).steps()
    return _tried(f"{seed}-{number}-programs", steps, tally, patience)


def replay(path: Path) -> str:
    """Play a kept history; says what goes wrong, or nothing."""
    error = wrong(from_json(path.read_bytes()), Tally())
    return "" if error is None else said(error)


def wrong(steps: Sequence[Step], tally: Tally) -> Exception | None:
    """Play a history; the error that ends it, if one does."""
    bare = any(isinstance(step, Own | Add | Discard | Renew | Look) for step in steps)
    try:
        (programs if bare else playing).play(steps, tally)
    except Exception as error:
        return error
    return None


def said(error: Exception) -> str:
    """The error with its kind."""
    return f"{type(error).__name__}: {error}"


def _tried(name: str, steps: Sequence[Step], tally: Tally, patience: float) -> str:
    error = wrong(steps, tally)
    if error is None:
        return ""
    kind = type(error)
    found = shrunk(list(steps), lambda some: isinstance(wrong(some, Tally()), kind), patience)
    path = FOUND / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(found), encoding="utf-8")
    again = wrong(found, Tally())
    return "\n".join(
        (
            f"world {name}: {said(error)}",
            f"shrunk from {len(steps)} to {len(found)} steps: {'' if again is None else said(again)}",
            as_json(found) if len(as_json(found)) < 20_000 else "(too long to be shown)",
            f"to see it again: make fuzz REPLAY={path}",
        )
    )
