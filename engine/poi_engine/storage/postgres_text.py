"""Our statements as PostgreSQL takes them: numbered placeholders, lists as arrays, and locks that write nothing."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from poi_engine.ports import Query
from poi_engine.storage.locks import only_asked

_MANY = 10
"""Values that PostgreSQL expects in an array. For less it makes a new plan each time, dearer than what is planned."""
_WRITER = "(pg_backend_pid() % 16)"
"""Tells most connections that write at the same time from each other; where two share a number they wait."""
_LITERAL = re.compile(r"('(?:[^']|'')*')")
_PLACE = re.compile(r"(?<!not )in \((\?(?:, \?)*)\)|\?")


class Statement(NamedTuple):
    """`lists`: how many values each placeholder takes, None where each takes one."""

    text: str
    lists: tuple[int | None, ...] | None

    def arguments(self, values: Sequence[Any]) -> Sequence[Any]:
        """The values as the placeholders take them."""
        if self.lists is None:
            return values
        left = iter(values)
        return [next(left) if size is None else list(islice(left, size)) for size in self.lists]


def prepared(query: Query) -> tuple[str, Sequence[Any]]:
    """The statement and its arguments."""
    made = statement(locking(query.text))
    return made.text, made.arguments(query.values)


def prepared_together(queries: Sequence[Query]) -> tuple[str, Sequence[Any]]:
    """One statement of all, with its arguments: one row with an array of rows for each of them that `tells`."""
    made = statement(joined(tuple(query.text for query in queries)))
    return made.text, made.arguments([value for query in queries for value in query.values])


def tells(text: str) -> bool:
    """Whether a statement returns rows, or locks some."""
    return text.startswith(("select", "with")) or " returning " in text or only_asked(text) is not None


@lru_cache(maxsize=4096)
def statement(text: str) -> Statement:
    """`?` as `$1`, `$2` ...; a long `in (?, ?, ...)` as `= any($1)`, one plan for any number; `for share` out of its
    comment, and the writer's number.

    Text in quotes is left alone.
    """
    lists: list[int | None] = []

    def place(found: re.Match[str]) -> str:
        count = found[1].count("?") if found[1] else 1
        if count >= _MANY:
            lists.append(count)
            return f"= any(${len(lists)})"
        lists.extend([None] * count)
        places = ", ".join(f"${number}" for number in range(len(lists) - count + 1, len(lists) + 1))
        return f"in ({places})" if found[1] else places

    text = text.replace("/* for share */", "for share").replace("/* writer */ 0", _WRITER)
    parts = _LITERAL.split(text)
    parts[::2] = [_PLACE.sub(place, part) for part in parts[::2]]
    return Statement("".join(parts), None if all(size is None for size in lists) else tuple(lists))


def locking(text: str) -> str:
    """What locks rows by changing nothing, without writing a new version of them."""
    asked = only_asked(text)
    return text if asked is None else f"{asked} for no key update"


@lru_cache(maxsize=4096)
def joined(texts: tuple[str, ...]) -> str:
    """Statements as one; those that return rows are made in this order."""
    parts = ", ".join(f"w{number} as ({locking(text)})" for number, text in enumerate(texts))
    told = [f"array(select w{number} from w{number})" for number, text in enumerate(texts) if tells(text)]
    return f"with {parts} select {', '.join(told) or 1}"
