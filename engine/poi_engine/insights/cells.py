"""The cells of the rollups that one sale or refund changes. Pure.

A cell counts one value of a facet at one store (or at all of them, store '') on one day, in one month or year of the
stores' own clocks. Facets of few values are kept by day only; those of many by month too: a year is then read quickly.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from poi_engine.checkout.entries import summed
from poi_engine.checkout.records import LineRow, RedemptionRow, SaleRow

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


class Key(NamedTuple):
    """A cell's place; sorting keys is the order in which rows are locked."""

    facet: Facet
    grain: Grain
    store_id: str
    period: str
    value: str


class Cell(Struct):
    """What is counted: see docs/insights.md. Amounts in minor units, quantities in thousandths."""

    sales: int = 0
    refunds: int = 0
    total: int = 0
    refunded: int = 0
    saved: int = 0
    points: int = 0
    quantity: int = 0
    worth: int = 0


def cells_of(
    sale: SaleRow, local: datetime, lines: Sequence[LineRow], uses: Sequence[RedemptionRow]
) -> dict[Key, Cell]:
    """Every cell that the sale changes, and by how much. `local`: its moment on the store's clock."""
    values = _whole(sale, local) + _products(sale, lines) + _offers(sale, uses)
    cells: dict[Key, Cell] = {}
    for facet, value, cell in values:
        for key in _keys(facet, sale.store_id, local.date().isoformat(), value):
            cells[key] = cell
    return cells


def _keys(facet: Facet, store_id: str, day: str, value: str) -> list[Key]:
    stores = (ALL_STORES,) if facet == "store" else (ALL_STORES, store_id)
    keys = [Key(facet, "day", store, day, value) for store in stores]
    if facet in MONTHLY:
        keys += [Key(facet, "month", store, day[:7], value) for store in stores]
    if facet in YEARLY:
        keys += [Key(facet, "year", store, day[:4], value) for store in stores]
    return keys


def _counted(sale: SaleRow, total: int, saved: int, **more: int) -> Cell:
    first = sale.refund_of is None
    return Cell(
        sales=int(first), refunds=int(not first), total=total, refunded=0 if first else -total, saved=saved, **more
    )


def _whole(sale: SaleRow, local: datetime) -> list[tuple[Facet, str, Cell]]:
    """The facets in which a sale has one value."""
    cell = _counted(sale, sale.total, sale.saved, points=sale.points)
    tender = summed(sale.document.paid_by)
    paid = (tender.means, tender.card_type or "", tender.entry_mode or "", tender.card_scheme or "")
    visit = (sale.channel, visitor_of(sale.customer_id, sale.first_visit), band_of(sale.refund_of, sale.total))
    values: list[tuple[Facet, str]] = [
        ("hour", f"{local.isoweekday()}-{local.hour:02d}"),
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


def _products(sale: SaleRow, lines: Sequence[LineRow]) -> list[tuple[Facet, str, Cell]]:
    """A product that stands on several lines counts the sale once."""
    cells: dict[str, Cell] = {}
    for line in lines:
        value = f"{line.code}{SEPARATOR}{line.label}"
        cell = cells.setdefault(value, _counted(sale, 0, 0))
        cell.total += line.total
        cell.saved += line.saved
        cell.quantity += line.quantity
        cell.refunded -= line.total if sale.refund_of is not None else 0
    return [("product", value, cell) for value, cell in cells.items()]


def _offers(sale: SaleRow, uses: Sequence[RedemptionRow]) -> list[tuple[Facet, str, Cell]]:
    return [("offer", use.offer_id, _counted(sale, sale.total, use.saved, worth=use.value)) for use in uses]
