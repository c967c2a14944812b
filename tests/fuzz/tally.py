"""What was met: each leaf true, false and unknown, and each way of matching and choosing. A zero is a failure."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from poi_offers import eligibility
from poi_offers.scene import Answer, Scene
from tests.offers.generate import LEAVES

Tally = Counter[str]
TRUTHS = {True: "true", False: "false", None: "unknown"}
ALWAYS_KNOWN = {"Dates", "Weekly", "Recurrence", "Subtotal", "Quantity", "Bundle", "Channel"}
TREES = ("All", "Any", "Not")
WAYS = (
    *("plan", "plan again", "plan another day", "clock change", "free", "free unknown"),
    *("overlay", "top", "confirmed", "confirmed false", "a thousand in reach"),
    *("now", "begin early", "begin late", "end", "merged with changes", "reopen", "no room"),
    *("put", "replaced", "removed", "sixteen clauses", "refused"),
    *("small", "crammed", "crowd", "wide", "found", "nothing found"),
    *("program plan", "program free", "program sure", "program maybe", "program top", "program crowd"),
    *("program merge", "program reopen", "program forget"),
    *("choice", "choice limited", "choice bound hit", "choice all tried"),
)


@contextmanager
def counting(tally: Tally) -> Iterator[None]:
    """Count the answers of every leaf the oracle asks meanwhile."""
    wrapped = {kind: _counted(kind.__name__, leaf, tally) for kind, leaf in eligibility._LEAVES.items()}
    with patch.dict(eligibility._LEAVES, wrapped):
        yield


def _counted(name: str, leaf: Callable[..., Answer], tally: Tally) -> Callable[..., Answer]:
    names = {truth: f"{name} {word}" for truth, word in TRUTHS.items()}

    def judged(condition: Any, scene: Scene) -> Answer:
        answer = leaf(condition, scene)
        tally[names[answer[0]]] += 1
        return answer

    return judged


def due() -> list[str]:
    """Everything that must have been met."""
    kinds = [kind.__name__ for kind in LEAVES]
    truths = [f"{name} {word}" for name in (*kinds, *TREES) for word in TRUTHS.values()]
    return [*WAYS, *(one for one in truths if one not in {f"{name} unknown" for name in ALWAYS_KNOWN})]


def missing(tally: Tally) -> list[str]:
    """What was never met."""
    return [one for one in due() if not tally[one]]


def table(tally: Tally) -> str:
    """The counts, a leaf a line, then the ways."""
    names = (*(kind.__name__ for kind in LEAVES), *TREES)
    head = f"{'':20} {'true':>12} {'false':>12} {'unknown':>12}"
    leaves = [f"{n:20} " + " ".join(f"{tally[f'{n} {word}']:>12,}" for word in TRUTHS.values()) for n in names]
    return "\n".join([head, *leaves, "", *(f"{way:20} {tally[way]:>12,}" for way in WAYS)])
