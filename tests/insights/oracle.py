"""The figures by plain sums over the sales, in the simplest way that can be right."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from tests.insights.world import Sold, wall

BANDS = (0, 500, 1000, 2000, 3500, 5000, 7500, 10_000, 20_000, 10**15)


def inside(history: Sequence[Sold], first: date, last: date, store_id: str | None) -> list[Sold]:
    """What was sold or taken back in the period, by the stores' own days."""
    return [sold for sold in history if first <= wall(sold).date() <= last and store_id in (None, sold.sale.store_id)]


def figures(history: Sequence[Sold], first: date, last: date, store_id: str | None) -> dict[str, Any]:
    """What `Insights` says, as plain values; lists that are ranked are told as sets."""
    found = inside(history, first, last, store_id)
    sales = [sold for sold in found if sold.sale.refund_of is None]
    tender = {name: _by(found, lambda sold, n=name: getattr(sold.sale.document.tender, n) or "") for name in _PAID}
    return {
        "totals": _totals(found, sales),
        "by_hour": _by(found, lambda sold: (wall(sold).isoweekday(), wall(sold).hour)),
        "by_day": _by(found, lambda sold: wall(sold).date().isoformat()),
        **{f"by_{name}": values for name, values in tender.items()},
        "by_channel": _by(found, lambda sold: sold.sale.channel),
        "by_store": {} if store_id else _by(found, lambda sold: sold.sale.store_id),
        "by_seller": dict(_by(found, lambda sold: sold.sale.seller_id or "").items()),
        "by_visitor": _by(found, visitor),
        "customers": {kind: sum(visitor(sold) == kind for sold in sales) for kind in ("new", "returning", "anonymous")},
        "basket_sizes": [
            (low, *_sums([sold for sold in sales if low <= sold.sale.total < high]))
            for low, high in itertools.pairwise(BANDS)
        ],
        "by_product": products(found),
        "top_customers": _by([sold for sold in found if sold.sale.customer_id], lambda sold: sold.sale.customer_id),
        "offers": offers(found),
    }


_PAID = ("means", "card_type", "card_scheme", "entry_mode")


def visitor(sold: Sold) -> str:
    """Who came: nobody known, a customer for the first time, or again."""
    if sold.sale.customer_id is None:
        return "anonymous"
    return "new" if sold.sale.first_visit else "returning"


def _sums(found: Sequence[Sold]) -> tuple[int, int]:
    return sum(sold.sale.refund_of is None for sold in found), sum(sold.sale.total for sold in found)


def _by(found: Sequence[Sold], key: Callable[[Sold], Any]) -> dict[Any, tuple[int, int]]:
    groups: dict[Any, list[Sold]] = defaultdict(list)
    for sold in found:
        groups[key(sold)].append(sold)
    return {value: _sums(group) for value, group in groups.items()}


def _totals(found: Sequence[Sold], sales: Sequence[Sold]) -> dict[str, int]:
    gross = sum(sold.sale.total for sold in sales)
    return {
        "sales": len(sales),
        "refunds": len(found) - len(sales),
        "total": sum(sold.sale.total for sold in found),
        "saved": sum(sold.sale.saved for sold in found),
        "refunded": gross - sum(sold.sale.total for sold in found),
        "points": sum(sold.sale.points for sold in found),
        "average_basket": gross // len(sales) if sales else 0,
    }


def products(found: Sequence[Sold]) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """Sales, quantity, total and saved by code and label."""
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for sold in found:
        for line in sold.lines:
            for name in ("quantity", "total", "saved"):
                sums[line.code, line.label][name] += getattr(line, name)
        if sold.sale.refund_of is None:
            for key in {(line.code, line.label) for line in sold.lines}:
                sums[key]["sales"] += 1
    return {key: tuple(found[n] for n in ("sales", "quantity", "total", "saved")) for key, found in sums.items()}  # type: ignore[misc]


def offers(found: Sequence[Sold]) -> dict[str, tuple[int, int, int, int]]:
    """Uses, saved, value, and what the sales with it came to."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for sold in found:
        for use in sold.uses:
            more = (int(sold.sale.refund_of is None), use.saved, use.value, sold.sale.total)
            sums[use.offer_id] = [one + other for one, other in zip(sums[use.offer_id], more, strict=True)]
    return {offer: tuple(values) for offer, values in sums.items()}  # type: ignore[misc]


def cohorts(history: Sequence[Sold], months: Sequence[str], store_id: str | None) -> list[tuple[str, int, list[int]]]:
    """By the month of the customers' first sale: how many, and how many bought in that month and each after it."""
    active: dict[str, set[str]] = defaultdict(set)
    for sold in history:
        if sold.sale.customer_id and sold.sale.refund_of is None and store_id in (None, sold.sale.store_id):
            active[sold.sale.customer_id].add(wall(sold).date().isoformat()[:7])
    rows = []
    for place, month in enumerate(months):
        members = [came for came in active.values() if min(came) == month]
        if members:
            rows.append((month, len(members), [sum(later in came for came in members) for later in months[place:]]))
    return rows
