"""What to say to the customer who stands at the counter now, and why, in figures. Pure.

- `near`: a product that the customer likely wants and that unlocks an offer, `missing` minor units away.
- `together`: a product that goes with what is in the basket. Of `with_code` sales with it, `both` had this one too.
- `usual`: a product in at least `LEAST_SALES` of the customer's last `visits`, and in a third of them, that is not in
  the basket.
- `birthday`: theirs is in `days` days (0 today, negative: it was).

A product is suggested once, for the first reason found in this order; what the basket holds is not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

from msgspec import Struct

from poi_engine.goods.products import Product
from poi_engine.suggestions.pairs import Pair
from poi_offers.decision import Reason

Kind = Literal["near", "together", "usual", "birthday"]
LEAST_SALES = 3
OFTEN = 3
"""A usual product is in one of so many visits at least."""
AROUND_DAYS = 3
SHOWN = {"near": 2, "together": 2, "usual": 3}


class Bought(Struct, frozen=True, kw_only=True):
    """In how many of the customer's sales a product was."""

    code: str
    sales: int


class Size(Struct, frozen=True, kw_only=True):
    """An attribute of products bought (`size`, `38`), and in how many sales."""

    name: str
    value: str
    sales: int


class Suggested(Struct, frozen=True, kw_only=True):
    """The product that one tap adds; the price in minor units, VAT included."""

    code: str
    label: str
    unit_price: int
    unit: str


class Advice(Struct, frozen=True, kw_only=True):
    """One thing to say; `figures` are why."""

    kind: Kind
    figures: dict[str, Any]
    product: Suggested | None = None


class Advised(Struct, frozen=True, kw_only=True):
    """What there is to say, the surest first. `objects`: the customer said no to `profiling`, so their own sales were
    not looked at; else their last `visits` were, and `sizes` are what they bought in these."""

    items: tuple[Advice, ...]
    visits: int = 0
    sizes: tuple[Size, ...] = ()
    objects: bool = False


def usual_ones(bought: Iterable[Bought], visits: int) -> list[Bought]:
    """What somebody buys again and again, the most often bought first."""
    often = [one for one in bought if one.sales >= LEAST_SALES and one.sales * OFTEN >= visits]
    return sorted(often, key=lambda one: (-one.sales, one.code))


def companions(pairs: Iterable[Pair], codes: Collection[str]) -> list[tuple[str, Pair]]:
    """What goes with the products of a basket, and the pair that says so: the likeliest first."""
    best: dict[str, tuple[str, Pair]] = {}
    for pair in pairs:
        for code, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if code in codes and other not in codes:
                known = best.get(other)
                if known is None or _share(pair, code) > _share(known[1], known[0]):
                    best[other] = (code, pair)
    ranked = sorted(best.items(), key=lambda item: (-_share(item[1][1], item[1][0]), item[0]))
    return [(other, pair) for other, (_, pair) in ranked]


def near_ones(reasons: Iterable[Reason]) -> list[Reason]:
    """Offers that a dearer basket unlocks, the nearest first."""
    near = [one for one in reasons if one.near_miss and one.near_miss.what == "subtotal" and one.near_miss.missing > 0]
    return sorted(near, key=lambda one: (one.near_miss.missing if one.near_miss else 0, one.offer_id))


def days_to_birthday(birthday: date | None, today: date) -> int | None:
    """Days to the birthday that is nearest, if within `AROUND_DAYS`; 29 February is 28 February in common years."""
    if birthday is None:
        return None
    near = (today + timedelta(days=days) for days in range(-AROUND_DAYS, AROUND_DAYS + 1))
    return next(((day - today).days for day in near if _is_birthday(birthday, day)), None)


def _is_birthday(birthday: date, day: date) -> bool:
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    kept = 28 if (birthday.month, birthday.day) == (2, 29) and not leap else birthday.day
    return (day.month, day.day) == (birthday.month, kept)


def advise(
    codes: Collection[str],
    near: Sequence[Reason],
    beside: Sequence[tuple[str, Pair]],
    usual: Sequence[Bought],
    visits: int,
    days: int | None,
    sold: Mapping[str, Product],
) -> tuple[Advice, ...]:
    """Put it together; only products that are `sold` now are suggested, each once."""
    told = set(codes)
    likely = [code for code in (*(one.code for one in usual), *(other for other, _ in beside)) if code in sold]
    items = [Advice(kind="birthday", figures={"days": days})] if days is not None else []
    for reason in near[: SHOWN["near"]]:
        missing = reason.near_miss.missing if reason.near_miss else 0
        if filler := _filler([code for code in likely if code not in told], missing, sold):
            told.add(filler)
            figures = {"offer_id": reason.offer_id, "missing": missing}
            items.append(Advice(kind="near", figures=figures, product=_suggested(sold, filler)))
    goes = [(other, pair) for other, pair in beside if other in sold and other not in told][: SHOWN["together"]]
    told |= {other for other, _ in goes}
    items += [_together(other, pair, sold) for other, pair in goes]
    again = [one for one in usual if one.code in sold and one.code not in told][: SHOWN["usual"]]
    items += [
        Advice(kind="usual", figures={"sales": one.sales, "visits": visits}, product=_suggested(sold, one.code))
        for one in again
    ]
    return tuple(items)


def _filler(likely: Sequence[str], missing: int, sold: Mapping[str, Product]) -> str:
    """Of what the customer likely wants the cheapest that unlocks the offer."""
    enough = [code for code in likely if sold[code].unit == "piece" and sold[code].unit_price >= missing]
    return min(enough, key=lambda code: (sold[code].unit_price, code), default="")


def _together(other: str, pair: Pair, sold: Mapping[str, Product]) -> Advice:
    code = pair.first if other == pair.second else pair.second
    label = sold[code].label if code in sold else code
    figures = {"code": code, "label": label, "both": pair.both, "with_code": _with(pair, code)}
    return Advice(kind="together", figures=figures, product=_suggested(sold, other))


def _with(pair: Pair, code: str) -> int:
    return pair.with_first if code == pair.first else pair.with_second


def _share(pair: Pair, code: str) -> float:
    """Of the sales with `code`, the share that had the other one too."""
    return pair.both / _with(pair, code)


def _suggested(sold: Mapping[str, Product], code: str) -> Suggested:
    one = sold[code]
    return Suggested(code=one.code, label=one.label, unit_price=one.unit_price, unit=one.unit)
