"""Reads whole tables for verification: in pages, each row a tuple."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from poi_engine.ports import Job, Query
from poi_engine.verify_finding import MOST, Finding

PAGE = 250  # rows: what is read and looked at stays in the processor's cache
Values = tuple[Any, ...]
"""A row's values, in the order selected."""


def tuples(text: str, values: Sequence[Any] = ()) -> Job[list[Values]]:
    """A statement's rows."""
    rows: list[Any] = yield Query(text, values, tuples=True)
    return rows


def pages(
    table: str,
    key: Sequence[str],
    columns: Sequence[str],
    check: Callable[[list[Values]], Iterable[Finding]],
) -> Job[list[Finding]]:
    """Check every row of a table, a page at a time in the order of its key: the key, then `columns`."""
    names, order, marks = ", ".join((*key, *columns)), ", ".join(key), ", ".join("?" * len(key))
    findings: list[Finding] = []
    after: Values = ()
    while True:
        where = f"where ({order}) > ({marks})" if after else ""
        rows = yield from tuples(f"select {names} from {table} {where} order by {order} limit {PAGE}", after)
        findings += check(rows)
        if len(rows) < PAGE or len(findings) > MOST:
            return findings
        after = rows[-1][: len(key)]
