"""Locks that write nothing: a change that sets a column to itself asks for its rows, and keeps others from them."""

import re
from functools import lru_cache

_LOCK = re.compile(r"update (\w+) set (\w+) = \2 where (.+?)(?: returning (.+))?", re.DOTALL)


@lru_cache(maxsize=4096)
def only_asked(text: str) -> str | None:
    """The question in a statement that changes nothing; None of one that does."""
    found = _LOCK.fullmatch(text)
    if found is None:
        return None
    table, _, condition, columns = found.groups()
    return f"select {columns or 1} from {table} where {condition}"
