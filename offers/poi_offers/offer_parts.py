"""What conditions and effects are written with: bounded words and numbers, and which lines are meant.

Amounts are integers in minor units of the offer's currency, VAT included. Percentages are in basis points
(1000 = 10 %). Quantities are in thousandths of the line's unit.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+\Z")]
Word = Annotated[str, Meta(min_length=1, max_length=120)]
Words = Annotated[tuple[Word, ...], Meta(max_length=500)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=5000)]
Minor = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
Milli = Annotated[int, Meta(ge=1, le=1_000_000_000)]
HourMinute = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")]
Days = Literal[0, 7, 30, 90, 365]
"""A look-back window in days; 0 means since ever."""


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """Common settings of every condition and effect: frozen, keyword-only, unknown fields refused."""


class Selector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which basket lines. With no include list every line fits; an exclude list always wins.

    A line fits an include list when its product code, its brand or a prefix of its category path is named.
    Category paths are written `food/pastry/macaron`; `food/pastry` takes in everything below it.
    """

    products: Words = ()
    brands: Words = ()
    categories: Words = ()
    exclude_products: Words = ()
    exclude_brands: Words = ()
    exclude_categories: Words = ()
