"""Prices changed by hand at the counter: what is entered, what stands on the session, and how far it goes. Pure."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from poi_offers.situation import SaleItem


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another price for a product's line: `unit_price` in minor units, VAT included, and why."""

    unit_price: Annotated[int, Meta(ge=0, le=100_000_000)]
    reason: Annotated[str, Meta(min_length=3, max_length=200, pattern=r"\S.*\S")]


class Overridden(Struct, frozen=True, kw_only=True):
    """A line whose price was changed by hand, by whom and why. `list_price` is what the product costs, minor units.

    What was allowed is this price for this product, up to this quantity (thousandths).
    """

    line_id: str
    code: str
    quantity: int
    list_price: int
    unit_price: int
    reason: str
    by: str

    @property
    def difference(self) -> int:
        """By how much the line costs more or less, minor units."""
        return (2 * abs(self.unit_price - self.list_price) * self.quantity + 1000) // 2000

    def goes_beyond(self, percent: int) -> bool:
        """Whether the price differs by more than so many percent of the product's."""
        return 100 * abs(self.unit_price - self.list_price) > percent * self.list_price

    def covers(self, other: "Overridden") -> bool:
        """Whether who allowed this one has allowed the other: the same price of the same, and no more of it."""
        same = (self.line_id, self.code, self.unit_price, self.list_price) == (
            *(other.line_id, other.code, other.unit_price, other.list_price),
        )
        return same and other.quantity <= self.quantity


def priced(lines: Sequence[SaleItem], overridden: Iterable[Overridden]) -> tuple[SaleItem, ...]:
    """The lines at the prices given by hand."""
    prices = {one.line_id: one.unit_price for one in overridden}
    return tuple(replace(line, unit_price=prices.get(line.line_id, line.unit_price)) for line in lines)


def standing(before: Iterable[Overridden], wanted: Iterable[Overridden]) -> tuple[Overridden, ...]:
    """What is wanted, as it was allowed before where it was: who allowed it, and for how many, stays."""
    known = {one.line_id: one for one in before}
    return tuple(
        known[one.line_id] if one.line_id in known and known[one.line_id].covers(one) else one for one in wanted
    )
