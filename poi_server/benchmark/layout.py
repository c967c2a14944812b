"""Where the workload's facts stand among the matcher's columns and families: the product's own layout.

Each family numbers its words by itself. Among the regions the trades come first, then the chains; among the goods the
categories come first, then the products.
"""

from typing import TYPE_CHECKING

from poi_cext.ops import UNKNOWN
from poi_offers.columns import Column, Family
from poi_server.benchmark.clauses import FIRST_PRODUCT
from poi_server.benchmark.world import TRADES

if TYPE_CHECKING:
    from poi_server.benchmark.facts import Facts

COLUMNS, FAMILIES = len(Column), len(Family)


def numbers_of(facts: "Facts") -> list[int]:
    """The event's numbers by column."""
    numbers = [UNKNOWN] * COLUMNS
    numbers[Column.DAY], numbers[Column.MINUTE] = facts.day, facts.minute
    numbers[Column.SUBTOTAL] = facts.subtotal
    numbers[Column.QUANTITY] = sum(1000 * pieces for _, _, _, pieces in facts.lines)
    known = (
        (Column.POINTS, facts.points),
        (Column.VISITS, None if facts.visits is None else facts.visits + 1),
        (Column.RECENCY, facts.recency),
        (Column.BIRTHDAY_IN, None if facts.birthday is None else facts.birthday[0]),
        (Column.BIRTHDAY_AGO, None if facts.birthday is None else facts.birthday[1]),
    )
    for column, number in known:
        if number is not None:
            numbers[column] = number
    return numbers


def sets_of(facts: "Facts") -> list[list[int] | None]:
    """The event's sets by family."""
    sets: list[list[int] | None] = [None] * FAMILIES
    sets[Family.STORE] = None if facts.store is None else [facts.store]
    sets[Family.REGION] = [facts.trade, TRADES + facts.chain]
    sets[Family.TIER] = None if facts.tier is None else [facts.tier]
    sets[Family.SEGMENT] = None if facts.segments is None else list(facts.segments)
    sets[Family.SCHEME] = None if facts.scheme is None else [facts.scheme]
    sets[Family.CHANNEL] = [facts.channel]
    sets[Family.GOODS] = sorted({*facts.categories, *(FIRST_PRODUCT + product for product in facts.products)})
    sets[Family.RULE] = []
    return sets
