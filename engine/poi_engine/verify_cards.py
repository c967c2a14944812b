"""Looks for card numbers in every text of the storage.

A page of a table is looked at as one run of bytes: where no thirteen digits, blanks or hyphens follow one another there
is no card number, and that is most of it. What does is taken once a page, however often it stands there. Columns of few
words are looked at word by word, and row by row only when one of them is suspect. What has to stand elsewhere too is
looked at there: our own ids in the table that they are the key of, and what other rules compare.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from poi_engine.pan import find_pan
from poi_engine.ports import Job, Row
from poi_engine.storage.schema import metadata
from poi_engine.verify_finding import Finding
from poi_engine.verify_pages import Values, pages, tuples

_WRITTEN = {
    **dict.fromkeys(("journal", "training", "closing", "fiscal_event"), ("document",)),
    **dict.fromkeys(("idempotency", "nexo_message"), ("answer",)),
}
"""Columns of bytes that hold texts; a till's answer says why something failed with blanks as `%20`."""
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
_HEADED = frozenset({"merchant", "audit", "idempotency", "nexo_message"})
"""Tables that hold what receipts say of the company, and receipts that say it: its SIRET is no card number."""
_MARKS = bytes(ord("0") if chr(byte) in "0123456789 -" else ord(".") for byte in range(256))
_LONG = re.compile(b"0" * 13 + b"0*")


def searched() -> list[str]:
    """The tables that are searched."""
    return [table.name for table in metadata.sorted_tables if table.name not in _DERIVED]


def card_numbers(name: str) -> Job[list[Finding]]:
    """No text or document of the table holds what looks like a card number."""
    key = _key_of(name)
    texts, few = _texts_of(name)
    if few and may_hold(_content((yield from _words(name, few)), range(len(few)))):
        texts += few
    siret = name in _HEADED
    looked_at = (*texts, *_WRITTEN.get(name, ()))
    columns = [one for one in looked_at if one not in key]
    names = (*key, *columns)
    places = [names.index(one) for one in looked_at]

    def held(rows: list[Values]) -> Iterator[Finding]:
        if may_hold(_content(rows, places), siret=siret):
            for row in rows:
                if may_hold(_content([row], places), siret=siret):
                    yield from _of_row(name, key, looked_at, dict(zip(names, row, strict=True)))

    return (yield from pages(name, key, columns, held)) if looked_at else []


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


def _words(table: str, few: Sequence[str]) -> Job[list[Values]]:
    return (yield from tuples(f"select distinct {', '.join(few)} from {table}"))


def may_hold(content: bytes, *, siret: bool = False) -> bool:
    """Whether a text holds what looks like a card number; quick where it is long."""
    marks = content.translate(_MARKS)
    runs = {content[max(found.start() - 1, 0) : found.end() + 1] for found in _LONG.finditer(marks)}
    return any(find_pan(run.decode(errors="replace"), siret=siret) for run in runs)


def _content(rows: Sequence[Values], places: Iterable[int]) -> bytes:
    """Texts in one, a line each: no number goes on over a line's end."""
    columns = list(zip(*rows, strict=True))
    return b"\n".join([_run(columns[place]) for place in places]) if columns else b""


def _run(values: Iterable[str | bytes | None]) -> bytes:
    found: list[Any] = list(filter(None, values))
    return _plain(b"\n".join(found)) if found and isinstance(found[0], bytes) else "\n".join(found).encode()


def _plain(written: bytes) -> bytes:
    return unquote_to_bytes(written) if b"&message=" in written else written


def _of_row(table: str, key: Sequence[str], names: Sequence[str], row: Row) -> Iterator[Finding]:
    for name in names:
        found = find_pan(_text(row[name]), siret=table in _HEADED)
        if found is not None:
            identifier = "/".join(str(row[part]) for part in key[1:] if part != name)
            subject, message = f"{table} {identifier}".strip(), f"{name} holds {found}"
            yield Finding(merchant_id=row["merchant_id"], rule="card-number", subject=subject, message=message)


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else _plain(bytes(value or b"")).decode(errors="replace")
