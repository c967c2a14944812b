"""The cells of the rollups that sales and refunds change. Pure.

A cell counts one value of a facet at one store (or at all of them, store '') on one day, in one month or year of the
stores' own clocks. Facets of few values are kept by day only; those of many by month too: a year is then read quickly.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

Facet = Literal["hour", "payment", "visit", "seller", "store", "product", "offer", "customer", "cohort"]
Grain = Literal["day", "month", "year"]

ALL_STORES = ""
BANDS = (0, 500, 1000, 2000, 3500, 5000, 7500, 10_000, 20_000)
"""Lower bounds of the basket sizes, minor units."""
MONTHLY: frozenset[Facet] = frozenset({"seller", "store", "product", "offer", "customer"})
"""Facets that are kept by month as well."""
YEARLY: frozenset[Facet] = frozenset({"customer"})
"""Facets that are kept by year as well: few customers come each month of a year."""
SEPARATOR = "\t"
"""Between the parts of a value."""
MEASURES = ("sales", "refunds", "total", "refunded", "saved", "points", "quantity", "worth")


Series = tuple[Facet, Grain, str, str]
"""Facet, grain, store and period: what the cells of one series share, told apart by their values."""
Values = Mapping[str, "Cell"]
PLACE = ("facet", "grain", "store_id", "period", "value")
"""A cell's place: its series and its value. Sorting places is the order in which rows are locked."""


class Cell(Struct, frozen=True):
    """What is counted: see docs/insights.md. Amounts in minor units, quantities in thousandths."""

    sales: int = 0
    refunds: int = 0
    total: int = 0
    refunded: int = 0
    saved: int = 0
    points: int = 0
    quantity: int = 0
    worth: int = 0

    def plus(self, other: "Cell") -> "Cell":
        """What both count."""
        return Cell(
            self.sales + other.sales,
            self.refunds + other.refunds,
            self.total + other.total,
            self.refunded + other.refunded,
            self.saved + other.saved,
            self.points + other.points,
            self.quantity + other.quantity,
            self.worth + other.worth,
        )


class SoldLine(NamedTuple):
    """What is counted of a line."""

    sale_id: str
    code: str
    label: str
    quantity: int
    saved: int
    total: int


class Use(NamedTuple):
    """What is counted of an offer's use."""

    sale_id: str
    offer_id: str
    saved: int
    value: int


class Sold(Struct, frozen=True, kw_only=True):
    """What is counted of a sale or refund. Day and hour are the store's own; `local_weekday` from 1, Monday."""

    store_id: str
    refund_of: str | None
    seller_id: str | None
    customer_id: str | None
    channel: str
    total: int
    saved: int
    points: int
    means: str
    card_scheme: str | None
    card_type: str | None
    entry_mode: str | None
    first_visit: int
    local_day: str
    local_hour: int
    local_weekday: int
    lines: Sequence[SoldLine] = ()
    uses: Sequence[Use] = ()


def cells_of(sold: Iterable[Sold]) -> dict[Series, Values]:
    """Every cell that these change, and by how much, in the order of their places."""
    days: defaultdict[tuple[Facet, str, str], dict[str, Cell]] = defaultdict(dict)
    for sale in sold:
        for facet, value, cell in (*_whole(sale), *_products(sale), *_offers(sale)):
            _add(days[facet, sale.store_id, sale.local_day], value, cell)
    parts: defaultdict[Series, list[Values]] = defaultdict(list)
    for place, cells in days.items():
        ordered = {value: cells[value] for value in sorted(cells)}
        for series in _series(*place):
            parts[series].append(ordered)
    return {series: _both(parts[series]) for series in sorted(parts)}


def _both(parts: Sequence[Values]) -> Values:
    """What all of them count, mostly one day at one store."""
    if len(parts) == 1:
        return parts[0]
    sums: dict[str, Cell] = {}
    for part in parts:
        for value, cell in part.items():
            _add(sums, value, cell)
    return {value: sums[value] for value in sorted(sums)}


def _add(cells: dict[str, Cell], value: str, cell: Cell) -> None:
    known = cells.get(value)
    cells[value] = cell if known is None else known.plus(cell)


def _series(facet: Facet, store_id: str, day: str) -> list[Series]:
    stores = (ALL_STORES,) if facet == "store" else (ALL_STORES, store_id)
    found: list[Series] = [(facet, "day", store, day) for store in stores]
    if facet in MONTHLY:
        found += [(facet, "month", store, day[:7]) for store in stores]
    if facet in YEARLY:
        found += [(facet, "year", store, day[:4]) for store in stores]
    return found


def _counted(sale: Sold, total: int, saved: int, points: int = 0, worth: int = 0) -> Cell:
    first = sale.refund_of is None
    return Cell(int(first), int(not first), total, 0 if first else -total, saved, points, 0, worth)


def _whole(sale: Sold) -> list[tuple[Facet, str, Cell]]:
    """The facets in which a sale has one value."""
    cell = _counted(sale, sale.total, sale.saved, sale.points)
    paid = (sale.means, sale.card_type or "", sale.entry_mode or "", sale.card_scheme or "")
    visit = (sale.channel, visitor_of(sale.customer_id, bool(sale.first_visit)), band_of(sale.refund_of, sale.total))
    values: list[tuple[Facet, str]] = [
        ("hour", f"{sale.local_weekday}-{sale.local_hour:02d}"),
        ("payment", SEPARATOR.join(paid)),
        ("visit", SEPARATOR.join(visit)),
        ("store", sale.store_id),
    ]
    if sale.seller_id is not None:
        values.append(("seller", sale.seller_id))
    if sale.customer_id is not None:
        values.append(("customer", sale.customer_id))
    return [(facet, value, cell) for facet, value in values]


def visitor_of(customer_id: str | None, first_visit: bool) -> str:
    """`anonymous`, `new` (the customer's first sale) or `returning`; a refund is never `new`."""
    return "anonymous" if customer_id is None else "new" if first_visit else "returning"


def band_of(refund_of: str | None, total: int) -> str:
    """The lower bound of a sale's basket size; a refund has none."""
    return "" if refund_of is not None else str(BANDS[max(0, bisect_right(BANDS, total) - 1)])


def _products(sale: Sold) -> list[tuple[Facet, str, Cell]]:
    """A product that stands on several lines counts the sale once."""
    cells: dict[str, Cell] = {}
    sold = sale.refund_of is None
    for _, code, label, quantity, saved, total in sale.lines:
        value = f"{code}{SEPARATOR}{label}"
        new = value not in cells
        refunded = 0 if sold else -total
        _add(cells, value, Cell(int(new and sold), int(new and not sold), total, refunded, saved, 0, quantity))
    return [("product", value, cell) for value, cell in cells.items()]


def _offers(sale: Sold) -> list[tuple[Facet, str, Cell]]:
    return [("offer", use.offer_id, _counted(sale, sale.total, use.saved, worth=use.value)) for use in sale.uses]
