"""Where a reader looks: one merchant, one store or all of them, one period; and the statements over its cells."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from poi_engine.insights.cells import ALL_STORES, YEARLY, Facet, Grain
from poi_engine.insights.period import Period, cover
from poi_engine.ports import Job, Query, Row

SEEN = "having sum(sales) + sum(refunds) > 0"
"""Leaves out what only days taken away from a month had."""


class View(NamedTuple):
    """A merchant's period, at one store or ('') at all."""

    merchant_id: str
    store_id: str
    period: Period

    @classmethod
    def of(cls, merchant_id: str, first: date, last: date, store_id: str | None) -> "View":
        """The view of a store, or of all stores when it is None."""
        return cls(merchant_id, ALL_STORES if store_id is None else store_id, Period(first, last))

    def daily(self, facet: Facet, columns: str, rest: str) -> Query:
        """`select columns` of the facet's cells by day, then `rest`."""
        text = f"select {columns} from rollup where {_CELLS} and period between ? and ? {rest}"
        return Query(text, self._values(facet, "day", self.period.first.isoformat(), self.period.last.isoformat()))

    def parts(self, facet: Facet, names: Sequence[str], zeros: Sequence[str] = ()) -> tuple[str, list[str]]:
        """A subquery of the facet's values and signed measures, from months and days, that add up to the period.

        `zeros` are measures of another period, told as 0.
        """
        texts: list[str] = []
        values: list[str] = []
        for part in cover(self.period, yearly=facet in YEARLY):
            signed = [f"{'-' if part.sign < 0 else ''}{name} as {name}" for name in names]
            columns = ", ".join(["value", *signed, *(f"0 as {name}" for name in zeros)])
            texts.append(f"select {columns} from rollup where {_CELLS} and period between ? and ?")
            values += self._values(facet, part.grain, part.first, part.last)
        return " union all ".join(texts), values

    def summed(self, facet: Facet, names: Sequence[str], rest: str, *more: str | int) -> Query:
        """The sums of a facet that is kept by month too, by value."""
        inner, values = self.parts(facet, tuple(dict.fromkeys(("sales", "refunds", *names))))
        sums = ", ".join(f"sum({name}) as {name}" for name in ("sales", *names))
        return Query(f"select value, {sums} from ({inner}) c group by value {SEEN} {rest}", (*values, *more))

    def at(
        self, facet: Facet, grain: Grain, periods: Sequence[str], wanted: Sequence[str], columns: str
    ) -> Job[list[Row]]:
        """The cells of some values in some days or months, each found by its key."""
        found: list[Row] = []
        for some in chunks(periods, 400):
            keys = f"period in ({marks(some)}) and value in ({marks(wanted)})"
            values = (self.merchant_id, facet, grain, self.store_id, *some, *wanted)
            found += yield Query(f"select {columns} from rollup where {_CELLS} and {keys}", values)
        return found

    def _values(self, facet: Facet, grain: Grain, first: str, last: str) -> list[str]:
        return [self.merchant_id, facet, grain, self.store_id, first, last]


_CELLS = "merchant_id = ? and facet = ? and grain = ? and store_id = ?"


def chunks(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    """Slices of at most so many."""
    return (items[start : start + size] for start in range(0, len(items), size))


def marks(items: Sequence[object]) -> str:
    """Placeholders for a list."""
    return ", ".join("?" * len(items))


def ints(row: Row, *names: str) -> dict[str, int]:
    """Whole numbers of a row; PostgreSQL sums to decimals."""
    return {name: int(row[name]) for name in names}
