"""Offers into the matcher's clauses: one any over alls, each leaf and each negated leaf as numeric parts.

A clause is true only if each part is, and a part over an unknown fact never is: so a negated leaf is written as
"known and false". What the matcher cannot tell becomes `MAYBE`, and the oracle confirms it.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise, product

from poi_cext.ops import (
    ANY,
    BUNDLE,
    EITHER,
    FAR,
    HIGH,
    INSIDE,
    LOW,
    MAYBE,
    NEAR,
    NONE,
    NOT_STEP,
    OUTSIDE,
    RANGE,
    STEP,
    SUM,
    SUM_OUT,
    UNION,
    ball_words,
    ring_words,
)
from poi_offers import model, offer_conditions, offer_parts
from poi_offers.columns import SPEND, VISITS, Column, Family, Vocabulary, goods_of, rule_word
from poi_offers.errors import OfferError
from poi_offers.geo import chord, unit_vector, unrolled
from poi_offers.offer_conditions import Condition
from poi_offers.rrule import RecurrenceError, parse
from poi_offers.scene import fold_code
from poi_offers.storetime import MINUTES_PER_DAY, MINUTES_PER_WEEK, minute_of_day, window_minutes
from poi_offers.validate_conditions import INNER, MAX_CLAUSES, clause_count
from poi_offers.validate_effects import names_something

Words = list[int]
NEVER: Words = [RANGE, Column.DAY, 2, 1, 0]
PERHAPS: Words = [MAYBE, 0, 0]


def compile_offer(offer: model.Offer, vocabulary: Vocabulary) -> list[Words]:
    """The offer's clauses, one program each; it applies when one of them is true."""
    count = clause_count(offer.conditions, positive=True)
    if count > MAX_CLAUSES:
        message = f"the tree has {count} alternatives once multiplied out, the most is {MAX_CLAUSES}: split the offer"
        raise OfferError("too_many_alternatives", "$.conditions", message)
    return [_clause(literals, vocabulary) for literals in alternatives(offer.conditions, positive=True)]


Literal = tuple[Condition, bool]
"""A leaf, and whether it must be true (or else known and false)."""


def alternatives(condition: Condition, *, positive: bool) -> list[list[Literal]]:
    """The tree as an any over alls of literals (De Morgan's laws hold in Kleene's logic)."""
    if isinstance(condition, offer_conditions.Not):
        return alternatives(condition.of, positive=not positive)
    if not isinstance(condition, (offer_conditions.All, offer_conditions.Any)):
        return [[(condition, positive)]]
    all_of = isinstance(condition, offer_conditions.All) == positive
    if all_of and INNER.isdisjoint(map(type, condition.of)):  # as most offers are
        return [[(leaf, positive) for leaf in condition.of]]
    parts = [alternatives(part, positive=positive) for part in condition.of]
    if all_of:
        return [[literal for one in choice for literal in one] for choice in product(*parts)]
    return [one for part in parts for one in part]


def _clause(literals: list[Literal], vocabulary: Vocabulary) -> Words:
    parts = (part for leaf, positive in literals for part in _WRITERS[type(leaf)](leaf, positive, vocabulary))
    return [word for part in parts for word in part]


# --- place and time -----------------------------------------------------------------------------------------------


def _circle(leaf: offer_conditions.Circle, positive: bool, _: Vocabulary) -> list[Words]:
    return [[NEAR if positive else FAR, 0, 8, *ball_words(*unit_vector(leaf.lat, leaf.lon), chord(leaf.radius))]]


def _polygon(leaf: offer_conditions.Polygon, positive: bool, _: Vocabulary) -> list[Words]:
    words = ring_words([unrolled(ring) for ring in leaf.rings])
    return [[INSIDE if positive else OUTSIDE, 0, len(words), *words]]


def _stores(leaf: offer_conditions.Stores, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.STORE, leaf.any_of, positive, vocabulary)]


def _region(leaf: offer_conditions.Region, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.REGION, leaf.any_of, positive, vocabulary)]


def _dates(leaf: offer_conditions.Dates, positive: bool, _: Vocabulary) -> list[Words]:
    first = None if leaf.first is None else leaf.first.toordinal()
    return [_limits(Column.DAY, first, None if leaf.last is None else leaf.last.toordinal(), positive)]


def _weekly(leaf: offer_conditions.Weekly, positive: bool, _: Vocabulary) -> list[Words]:
    spans = weekly_spans(leaf)
    return [_union(Column.MINUTE, spans if positive else _gaps(spans, 0, MINUTES_PER_WEEK - 1))]


@lru_cache(maxsize=4096)
def weekly_spans(leaf: offer_conditions.Weekly) -> tuple[tuple[int, int], ...]:
    """The windows as minutes of the week, first and last included, joined and in order; many offers have the same."""
    spans: list[tuple[int, int]] = []
    for window in leaf.windows:
        length = window_minutes(minute_of_day(window.start), minute_of_day(window.end))
        for day in window.days:
            first = (day - 1) * MINUTES_PER_DAY + minute_of_day(window.start)
            over = first + length - MINUTES_PER_WEEK
            spans.append((first, min(first + length, MINUTES_PER_WEEK) - 1))
            if over > 0:
                spans.append((0, over - 1))
    return tuple(_joined(spans))


def _recurrence(leaf: offer_conditions.Recurrence, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    try:
        parse(leaf.rrule, leaf.start)
    except RecurrenceError as error:
        raise OfferError("rrule_malformed", "$.conditions", str(error)) from None
    return [_set(Family.RULE, (rule_word(leaf),), positive, vocabulary)]


# --- customer -----------------------------------------------------------------------------------------------------


def _tier(leaf: offer_conditions.TierIs, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.TIER, leaf.any_of, positive, vocabulary)]


def _segment(leaf: offer_conditions.InSegment, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    if positive:
        words = [_set(Family.SEGMENT, leaf.none_of, False, vocabulary)]
        return [_set(Family.SEGMENT, leaf.any_of, True, vocabulary), *words] if leaf.any_of else words
    if leaf.any_of and leaf.none_of:  # an alternative of its own would be needed
        return [_set(Family.SEGMENT, (), False, vocabulary), PERHAPS]
    if leaf.any_of:
        return [_set(Family.SEGMENT, leaf.any_of, False, vocabulary)]
    return [_set(Family.SEGMENT, leaf.none_of, True, vocabulary)]


def _birthday(leaf: offer_conditions.Birthday, positive: bool, _: Vocabulary) -> list[Words]:
    if positive:
        return [[EITHER, Column.BIRTHDAY_IN, 5, 0, leaf.before, Column.BIRTHDAY_AGO, 0, leaf.after]]
    return [_range(Column.BIRTHDAY_IN, leaf.before + 1, HIGH), _range(Column.BIRTHDAY_AGO, leaf.after + 1, HIGH)]


def _nth_visit(leaf: offer_conditions.NthVisit, positive: bool, _: Vocabulary) -> list[Words]:
    if leaf.every:
        return [[STEP if positive else NOT_STEP, Column.VISITS, 1, leaf.n]]
    return [_limits(Column.VISITS, leaf.n, leaf.n, positive)]


def _recency(leaf: offer_conditions.Recency, positive: bool, _: Vocabulary) -> list[Words]:
    return [_limits(Column.RECENCY, leaf.min_days, leaf.max_days, positive)]


def _frequency(leaf: offer_conditions.Frequency, positive: bool, _: Vocabulary) -> list[Words]:
    this = int(leaf.days == 0)  # that column counts this sale, the leaf does not
    low, high = (None if limit is None else limit + this for limit in (leaf.min, leaf.max))
    return [_limits(VISITS[leaf.days], low, high, positive)]


def _spend(leaf: offer_conditions.Spend, positive: bool, _: Vocabulary) -> list[Words]:
    return [_limits(SPEND[leaf.days], leaf.min, leaf.max, positive)]


def _first_purchase(_leaf: offer_conditions.FirstPurchase, positive: bool, _: Vocabulary) -> list[Words]:
    return [_limits(Column.VISITS, 1, 1, positive)]


def _points(leaf: offer_conditions.PointsBalance, positive: bool, _: Vocabulary) -> list[Words]:
    return [_limits(Column.POINTS, leaf.min, leaf.max, positive)]


# --- basket -------------------------------------------------------------------------------------------------------


def _subtotal(leaf: offer_conditions.Subtotal, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return _basket(Column.SUBTOTAL, leaf, positive, vocabulary)


def _quantity(leaf: offer_conditions.Quantity, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return _basket(Column.QUANTITY, leaf, positive, vocabulary)


def _basket(
    column: Column, leaf: offer_conditions.Subtotal | offer_conditions.Quantity, positive: bool, vocabulary: Vocabulary
) -> list[Words]:
    """Over all lines a column; over selected ones a sum, behind what must hold anyway."""
    items, span = leaf.items, _span(leaf.min, leaf.max)
    if items == offer_parts.Selector():
        return [_limits(column, leaf.min, leaf.max, positive)]
    wanted = vocabulary.learn(Family.GOODS, goods_of(items.products, items.brands, items.categories))
    refused = goods_of(items.exclude_products, items.exclude_brands, items.exclude_categories)
    tags = [len(wanted), *wanted, *vocabulary.learn(Family.GOODS, refused)]
    weight = 0 if column == Column.SUBTOTAL else 1
    total = [weight, 2 + len(tags), *span, *tags]
    if not positive:
        return [[SUM_OUT, *total]]
    there = [[ANY, Family.GOODS, len(wanted), *wanted]] if wanted and span[0] > 0 else []
    if there and not refused and column == Column.QUANTITY and span == (1, HIGH):
        return there  # a line's quantity is at least that
    return [_range(column, span[0], HIGH), *there, [SUM, *total]]


def _bundle(leaf: offer_conditions.Bundle, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    """The goods of each component, together counted by the matcher unless a component has exceptions."""
    if not positive:
        return [PERHAPS]
    there = [words for part in leaf.of for words in _there(part.items, vocabulary)]
    if any(not names_something(part.items) or _excepts(part.items) for part in leaf.of):
        return [*there, PERHAPS]
    values = [len(leaf.of)]
    for part, (_, _, count, *tags) in zip(leaf.of, there, strict=True):
        values += [part.quantity, count, *tags]
    return [*there, [BUNDLE, 1, len(values), *values]]


def _excepts(selector: offer_parts.Selector) -> bool:
    return bool(selector.exclude_products or selector.exclude_brands or selector.exclude_categories)


def _there(selector: offer_parts.Selector, vocabulary: Vocabulary) -> list[Words]:
    if not names_something(selector):
        return []
    words = goods_of(selector.products, selector.brands, selector.categories)
    return [_set(Family.GOODS, words, True, vocabulary)]


# --- payment, channel, code ---------------------------------------------------------------------------------------


def _scheme(leaf: offer_conditions.CardScheme, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.SCHEME, leaf.any_of, positive, vocabulary)]


def _card_type(leaf: offer_conditions.CardType, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.CARD_TYPE, leaf.any_of, positive, vocabulary)]


def _entry_mode(leaf: offer_conditions.EntryMode, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.ENTRY_MODE, leaf.any_of, positive, vocabulary)]


def _bin(leaf: offer_conditions.BinPrefix, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    """False is only known when the digits known are not the beginning of a prefix either."""
    words = [_set(Family.BIN, leaf.any_of, positive, vocabulary)]
    if not positive:
        begun = {prefix[:length] for prefix in leaf.any_of for length in range(len(prefix) + 1)}
        words.append(_set(Family.BIN_WHOLE, begun, False, vocabulary))
    return words


def _channel(leaf: offer_conditions.Channel, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.CHANNEL, leaf.any_of, positive, vocabulary)]


def _partner(leaf: offer_conditions.Partner, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.PARTNER, leaf.any_of, positive, vocabulary)]


def _code(leaf: offer_conditions.Code, positive: bool, vocabulary: Vocabulary) -> list[Words]:
    return [_set(Family.CODE, map(fold_code, leaf.any_of), positive, vocabulary)]


# --- words --------------------------------------------------------------------------------------------------------


def _set(family: Family, words: Iterable[str], positive: bool, vocabulary: Vocabulary) -> Words:
    numbers = vocabulary.learn(family, words)
    return [ANY if positive else NONE, family, len(numbers), *numbers]


def _range(column: Column, low: int, high: int) -> Words:
    return [RANGE, column, 2, low, high]


def _limits(column: Column, low: int | None, high: int | None, positive: bool) -> Words:
    span = _span(low, high)
    if positive:
        return _range(column, *span)
    return _union(column, _gaps([span] if span[0] <= span[1] else [], LOW, HIGH))


def _span(low: int | None, high: int | None) -> tuple[int, int]:
    return LOW if low is None else low, HIGH if high is None else high


def _union(column: Column, spans: Sequence[tuple[int, int]]) -> Words:
    if not spans:
        return NEVER
    if len(spans) == 1:
        return _range(column, *spans[0])
    return [UNION, column, 2 * len(spans), *(limit for span in spans for limit in span)]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _gaps(spans: Sequence[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """What the spans (joined, in order) leave of `low` to `high`."""
    edges = [(low - 1, low - 1), *spans, (high + 1, high + 1)]
    return [(before[1] + 1, after[0] - 1) for before, after in pairwise(edges) if before[1] + 1 <= after[0] - 1]


_WRITERS: dict[type, Callable[..., list[Words]]] = {
    offer_conditions.Circle: _circle,
    offer_conditions.Polygon: _polygon,
    offer_conditions.Stores: _stores,
    offer_conditions.Region: _region,
    offer_conditions.Dates: _dates,
    offer_conditions.Weekly: _weekly,
    offer_conditions.Recurrence: _recurrence,
    offer_conditions.TierIs: _tier,
    offer_conditions.InSegment: _segment,
    offer_conditions.Birthday: _birthday,
    offer_conditions.NthVisit: _nth_visit,
    offer_conditions.Recency: _recency,
    offer_conditions.Frequency: _frequency,
    offer_conditions.Spend: _spend,
    offer_conditions.FirstPurchase: _first_purchase,
    offer_conditions.PointsBalance: _points,
    offer_conditions.Subtotal: _subtotal,
    offer_conditions.Quantity: _quantity,
    offer_conditions.Bundle: _bundle,
    offer_conditions.CardScheme: _scheme,
    offer_conditions.CardType: _card_type,
    offer_conditions.BinPrefix: _bin,
    offer_conditions.EntryMode: _entry_mode,
    offer_conditions.Channel: _channel,
    offer_conditions.Partner: _partner,
    offer_conditions.Code: _code,
}
