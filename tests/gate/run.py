"""One counted run: WORKLOAD FILE ROUNDS. Two runs that differ in rounds alone differ by the matcher's instructions."""

import marshal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from poi_cext import _match


def run(matcher: ModuleType, name: str, made: dict[str, Any], rounds: int) -> int:
    """Do the workload; the matches found, so that nothing can be left out."""
    view = matcher.Matcher(matcher.Index.open(made["sections"]))
    events = [matcher.Event(*facts[:5]) for facts in made["events"]]
    places = [None if name == "free" else facts[5] for facts in made["events"]]
    found = sum(view.timed(events, places, 1)[1])
    if name in ("plan", "free"):
        return found + sum(view.timed(events, places, rounds)[1])
    if name == "overlay":
        for order, clauses in made["added"]:
            view.add(order, clauses)
    for _ in range(rounds):
        if name == "first":
            view.forget_plans()
        found += sum(len(view.match(event, place)[0]) for event, place in zip(events, places, strict=True))
    return found


if __name__ == "__main__":
    name, path, rounds = sys.argv[1:]
    print(run(_match, name, marshal.loads(Path(path).read_bytes()), int(rounds)))
