"""Looks for card numbers in every text of the storage.

A page of a table is looked at as one run of bytes: where no thirteen digits, blanks or hyphens follow one another there
is no card number, and that is most of it. What does is taken once a page, however often it stands there. Columns of few
words are looked at word by word, and row by row only when one of them is suspect. What has to stand elsewhere too is
looked at there: our own ids in the table that they are the key of, and what other rules compare.
"""

import re
from collections.abc import Iterator, Sequence

from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Row
from poi_engine.storage.schema import metadata
from poi_engine.verify_finding import MOST, Finding

_PAGE = 1_000  # rows
_WRITTEN = {
    **dict.fromkeys(("journal", "training", "closing", "fiscal_event"), ("document",)),
    "idempotency": ("answer",),
}
"""Columns of bytes that hold texts."""
_OURS = frozenset({"merchant_id", "store_id", "station_id", "seller_id", "customer_id", "checkout_id", "sale_id"})
"""Ids that we make: rows of other tables name them."""
_COMPARED = {"sale": {"refund_of"}, "sale_line": {"line_id", "code", "label", "unit"}, "transfer": {"resolves"}}
"""Columns that other rules compare with what is searched: the sale, the receipt, the pending transfer."""
_FEW = frozenset(
    {
        *("card_scheme", "card_type", "entry_mode", "category", "brand", "channel", "connector", "credit", "debit"),
        *("currency", "kind", "local_day", "means", "phase", "reason", "state", "unit"),
    }
)
"""Columns that have few different words however many rows there are."""
_DERIVED = ("rollup", "newcomer")
"""Tables that hold no text but what other rules prove to be the sales' own."""
_MARKS = bytes(ord("0") if chr(byte) in "0123456789 -" else ord(".") for byte in range(256))
_LONG = re.compile(b"0" * 13 + b"0*")


def searched() -> list[str]:
    """The tables that are searched."""
    return [table.name for table in metadata.sorted_tables if table.name not in _DERIVED]


def card_numbers(name: str) -> Job[list[Finding]]:
    """No text or document of the table holds what looks like a card number."""
    key = _key_of(name)
    texts, few = _texts_of(name)
    if few and may_hold(_content((yield _words(name, few)), ())):
        texts += few
    written = _WRITTEN.get(name, ())
    if not texts and not written:
        return []
    names, order, marks = ", ".join((*key, *written)), ", ".join(key), ", ".join("?" * len(key))
    findings: list[Finding] = []
    after: list[str | int] = []
    while True:
        where = f"where ({order}) > ({marks})" if after else ""
        rows = yield Query(
            f"select {_joined(texts)} as written, {names} from {name} {where} order by {order} limit {_PAGE}", after
        )
        if may_hold(_content(rows, written)):
            for row in rows:
                if may_hold(_content([row], written)):
                    findings += yield from _in_row(name, key, [row[part] for part in key], (*texts, *written))
        if len(rows) < _PAGE or len(findings) > MOST:
            return findings
        after = [rows[-1][part] for part in key]


def _key_of(table: str) -> list[str]:
    return [column.name for column in metadata.tables[table].primary_key]


def _texts_of(table: str) -> tuple[list[str], list[str]]:
    """The columns to be searched: row by row, and those of few words."""
    key = _key_of(table)
    elsewhere = (_OURS - {key[-1]}) | _COMPARED.get(table, set())
    columns = metadata.tables[table].columns
    names = [one.name for one in columns if str(one.type) == "TEXT" and one.name not in elsewhere]
    few = [name for name in names if name in _FEW and name not in key]
    return [name for name in names if name not in few], few


def _words(table: str, few: Sequence[str]) -> Query:
    return Query(f"select {_joined(few)} as written from (select distinct {', '.join(few)} from {table}) as found")


def _joined(names: Sequence[str]) -> str:
    """Texts in one, a line each: no number goes on over a line's end."""
    return " || '\n' || ".join(f"coalesce({name}, '')" for name in names) or "''"


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
