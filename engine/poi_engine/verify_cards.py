"""Looks for card numbers in every text of the storage.

A page of a table is looked at as one run of bytes: where no thirteen digits, blanks or hyphens follow one another there
is no card number, and that is most of it. What does is taken once a page, however often it stands there.
"""

import re
from collections.abc import Iterator, Sequence

from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Row
from poi_engine.storage.schema import metadata
from poi_engine.verify_finding import MOST, Finding

_PAGE = 1_000  # rows
_WRITTEN = {"journal": ("document",), "idempotency": ("answer",)}
"""Columns of bytes that hold texts."""
_DERIVED = ("rollup", "newcomer")
"""Tables that hold no text but what other rules prove to be the sales' own."""
_MARKS = bytes(ord("0") if chr(byte) in "0123456789 -" else ord(".") for byte in range(256))
_LONG = re.compile(b"0" * 13 + b"0*")


def searched() -> list[str]:
    """The tables that are searched."""
    return [table.name for table in metadata.sorted_tables if table.name not in _DERIVED]


def card_numbers(name: str) -> Job[list[Finding]]:
    """No text or document of the table holds what looks like a card number."""
    table = metadata.tables[name]
    key = [column.name for column in table.primary_key]
    texts = [column.name for column in table.columns if str(column.type) == "TEXT"]
    written = _WRITTEN.get(table.name, ())
    joined = " || '\n' || ".join(f"coalesce({name}, '')" for name in texts)  # no number goes on over a line's end
    names, order, marks = ", ".join((*key, *written)), ", ".join(key), ", ".join("?" * len(key))
    findings: list[Finding] = []
    after: list[str | int] = []
    while True:
        where = f"where ({order}) > ({marks})" if after else ""
        rows = yield Query(
            f"select {joined} as written, {names} from {table.name} {where} order by {order} limit {_PAGE}", after
        )
        if may_hold(_content(rows, written)):
            for row in rows:
                if may_hold(_content([row], written)):
                    findings += yield from _in_row(table.name, key, [row[name] for name in key], (*texts, *written))
        if len(rows) < _PAGE or len(findings) > MOST:
            return findings
        after = [rows[-1][name] for name in key]


def may_hold(content: bytes) -> bool:
    """Whether a text holds what looks like a card number; quick where it is long."""
    marks = content.translate(_MARKS)
    runs = {content[max(found.start() - 1, 0) : found.end() + 1] for found in _LONG.finditer(marks)}
    return any(find_pan(run.decode(errors="replace")) for run in runs)


def _content(rows: Sequence[Row], written: Sequence[str]) -> bytes:
    texts = "\n".join([row["written"] for row in rows]).encode()
    return b"\n".join([texts, *(bytes(row[name] or b"") for name in written for row in rows)])


def _in_row(table: str, key: Sequence[str], values: Sequence[str | int], names: Sequence[str]) -> Job[list[Finding]]:
    """Where in a row they stand."""
    where = " and ".join(f"{name} = ?" for name in key)
    rows = yield Query(f"select {', '.join(dict.fromkeys((*key, *names)))} from {table} where {where}", values)
    return [finding for row in rows for finding in _of_row(table, key, names, row)]


def _of_row(table: str, key: Sequence[str], names: Sequence[str], row: Row) -> Iterator[Finding]:
    for name in names:
        found = find_pan(_text(row[name]))
        if found is not None:
            identifier = "/".join(str(row[part]) for part in key[1:] if part != name)
            subject, message = f"{table} {identifier}".strip(), f"{name} holds {found}"
            yield Finding(merchant_id=row["merchant_id"], rule="card-number", subject=subject, message=message)


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else bytes(value or b"").decode(errors="replace")
