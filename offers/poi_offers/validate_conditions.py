"""Conditions: shape of the tree, and each leaf's own rules."""

from collections.abc import Callable, Iterator
from math import prod

from poi_offers import offer_conditions
from poi_offers.errors import OfferError
from poi_offers.offer_conditions import Condition
from poi_offers.rings import check_rings
from poi_offers.rrule import SEARCH_YEARS, RecurrenceError, fires, parse
from poi_offers.storetime import minute_of_day
from poi_offers.validate_effects import check_selector

MAX_DEPTH = 8
MAX_LEAVES = 64
MAX_CLAUSES = 16
INNER: frozenset[type] = frozenset((offer_conditions.All, offer_conditions.Any, offer_conditions.Not))
"""Conditions over other ones: all that are no leaves."""
SCHEMES: tuple[str, ...] = (
    *("amex", "bancontact", "cb", "dankort", "diners", "discover", "eftpos", "elo", "girocard", "interac"),
    *("jcb", "maestro", "mastercard", "mir", "rupay", "troy", "unionpay", "uzcard", "visa"),
)
"""Card schemes a condition may name."""


def check_conditions(condition: Condition, path: str = "$.conditions") -> None:
    """Raise an `OfferError` for the first mistake in a tree of conditions."""
    if condition == offer_conditions.All(of=()):
        return
    for leaves, (at, leaf) in enumerate(_walk(condition, path, 1), start=1):
        if leaves > MAX_LEAVES:
            raise OfferError("too_many_conditions", at, f"use at most {MAX_LEAVES} conditions: split the offer")
        check = _CHECKS.get(type(leaf))
        if check is not None:
            check(leaf, at)
    count = clause_count(condition, positive=True)
    if count > MAX_CLAUSES:
        message = f"the tree has {count} alternatives once multiplied out, the most is {MAX_CLAUSES}: split the offer"
        raise OfferError("too_many_alternatives", path, message)


def clause_count(condition: Condition, *, positive: bool) -> int:
    """Alternatives of the tree as one any over alls (disjunctive normal form)."""
    if isinstance(condition, offer_conditions.Not):
        return clause_count(condition.of, positive=not positive)
    if isinstance(condition, (offer_conditions.All, offer_conditions.Any)):
        counts = [clause_count(part, positive=positive) if type(part) in INNER else 1 for part in condition.of]
        return prod(counts) if isinstance(condition, offer_conditions.All) == positive else sum(counts)
    return 1


def _walk(condition: Condition, path: str, depth: int) -> Iterator[tuple[str, Condition]]:
    if depth > MAX_DEPTH:
        raise OfferError("too_deep", path, f"nest conditions at most {MAX_DEPTH} deep: flatten the tree")
    if isinstance(condition, offer_conditions.Not):
        yield from _walk(condition.of, f"{path}.of", depth + 1)
    elif isinstance(condition, (offer_conditions.All, offer_conditions.Any)):
        if not condition.of:
            raise OfferError("empty_list", f"{path}.of", "give one condition at least, or leave this part out")
        for i, part in enumerate(condition.of):
            yield from _walk(part, f"{path}.of[{i}]", depth + 1)
    else:
        yield path, condition


def _polygon(leaf: offer_conditions.Polygon, path: str) -> None:
    check_rings(leaf.rings, f"{path}.rings")


def _dates(leaf: offer_conditions.Dates, path: str) -> None:
    if leaf.first is None and leaf.last is None:
        raise OfferError("limits_missing", path, "give first, last or both")
    if leaf.first is not None and leaf.last is not None and leaf.last < leaf.first:
        raise OfferError("dates_reversed", f"{path}.last", "the last day is before the first: exchange them")


def _weekly(leaf: offer_conditions.Weekly, path: str) -> None:
    for i, window in enumerate(leaf.windows):
        at = f"{path}.windows[{i}]"
        if len(set(window.days)) < len(window.days):
            raise OfferError("day_twice", f"{at}.days", "name each weekday once (1 = Monday .. 7 = Sunday)")
        if window.start == window.end and minute_of_day(window.start) != 0:
            raise OfferError(
                "window_empty", f"{at}.end", "start and end are the same: write a whole day 00:00 to 00:00"
            )


def _recurrence(leaf: offer_conditions.Recurrence, path: str) -> None:
    try:
        rule = parse(leaf.rrule, leaf.start)
    except RecurrenceError as error:
        raise OfferError("rrule_malformed", f"{path}.rrule", str(error)) from None
    if not fires(rule):
        message = f"the rule does not fire within {SEARCH_YEARS} years of its start: check its days and months"
        raise OfferError("rrule_never_fires", f"{path}.rrule", message)


def _segment(leaf: offer_conditions.InSegment, path: str) -> None:
    if not leaf.any_of and not leaf.none_of:
        raise OfferError("empty_list", path, "give any_of, none_of or both")
    both = set(leaf.any_of) & set(leaf.none_of)
    if both:
        raise OfferError("segment_contradiction", f"{path}.none_of", f"{min(both)!r} is wanted and excluded")


def _recency(leaf: offer_conditions.Recency, path: str) -> None:
    _limits(leaf.min_days, leaf.max_days, path, "min_days", "max_days")


def _range(
    leaf: offer_conditions.Frequency | offer_conditions.Spend | offer_conditions.PointsBalance, path: str
) -> None:
    _limits(leaf.min, leaf.max, path, "min", "max")


def _basket(leaf: offer_conditions.Subtotal | offer_conditions.Quantity, path: str) -> None:
    _limits(leaf.min, leaf.max, path, "min", "max")
    check_selector(leaf.items, f"{path}.items")


def _bundle(leaf: offer_conditions.Bundle, path: str) -> None:
    for i, part in enumerate(leaf.of):
        check_selector(part.items, f"{path}.of[{i}].items")


def _limits(low: int | None, high: int | None, path: str, low_name: str, high_name: str) -> None:
    if low is None and high is None:
        raise OfferError("limits_missing", path, f"give {low_name}, {high_name} or both")
    if low is not None and high is not None and low > high:
        raise OfferError("limits_reversed", f"{path}.{high_name}", f"{high_name} is below {low_name}: exchange them")


def _list(
    leaf: offer_conditions.Stores | offer_conditions.Region | offer_conditions.TierIs | offer_conditions.Partner,
    path: str,
) -> None:
    _filled(leaf.any_of, path)


def _scheme(leaf: offer_conditions.CardScheme, path: str) -> None:
    _filled(leaf.any_of, path)
    for i, scheme in enumerate(leaf.any_of):
        if scheme not in SCHEMES:
            message = f"{scheme!r} is not a known card scheme: use one of {', '.join(SCHEMES)}"
            raise OfferError("scheme_unknown", f"{path}.any_of[{i}]", message)


def _code(leaf: offer_conditions.Code, path: str) -> None:
    _filled(leaf.any_of, path)
    for i, code in enumerate(leaf.any_of):
        if len(code.strip()) > 64:
            raise OfferError("code_too_long", f"{path}.any_of[{i}]", "a code has at most 64 characters")


def _filled(words: tuple[str, ...], path: str) -> None:
    if not words:
        raise OfferError("empty_list", f"{path}.any_of", "name one at least, or leave this condition out")


_CHECKS: dict[type, Callable[..., None]] = {
    offer_conditions.Polygon: _polygon,
    offer_conditions.Stores: _list,
    offer_conditions.Region: _list,
    offer_conditions.Dates: _dates,
    offer_conditions.Weekly: _weekly,
    offer_conditions.Recurrence: _recurrence,
    offer_conditions.TierIs: _list,
    offer_conditions.InSegment: _segment,
    offer_conditions.Recency: _recency,
    offer_conditions.Frequency: _range,
    offer_conditions.Spend: _range,
    offer_conditions.PointsBalance: _range,
    offer_conditions.Subtotal: _basket,
    offer_conditions.Quantity: _basket,
    offer_conditions.Bundle: _bundle,
    offer_conditions.CardScheme: _scheme,
    offer_conditions.Partner: _list,
    offer_conditions.Code: _code,
}
