"""The facts as rule engines take them: plain numbers, yes or no, and lists, by name."""

from typing import Any

from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.dicts import RANGES

FIELDS = ("chain", "store", "day", "minute", "trade", "tier", "scheme", "channel", *RANGES, "lat", "lon")
LISTS = (("segments", "segment_any"), ("categories", "category_any"), ("products", "product_any"))
NEVER = 1000
"""Days to and since a birthday that is not known."""


def plain(facts: Facts) -> dict[str, Any]:
    """By name; what is not known is -1."""
    known = {name: -1 if getattr(facts, name) is None else getattr(facts, name) for name in FIELDS}
    until, since = facts.birthday or (NEVER, NEVER)
    return known | {
        "known": facts.segments is not None,
        "segments": list(facts.segments or ()),
        "categories": list(facts.categories),
        "products": list(facts.products),
        "until": until,
        "since": since,
    }
