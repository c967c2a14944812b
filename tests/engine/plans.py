"""How SQLite would find the rows of a statement: written down from a running engine, then asked of the planner."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from poi_engine.ports import Job, Sql
from poi_engine.storage.schema import metadata
from poi_engine.together import statements

T = TypeVar("T")

GROWING = frozenset(
    {
        *("sale", "sale_line", "redemption", "journal", "transfer", "checkout", "payment", "token_use"),
        *("idempotency", "outbox", "account", "coupon", "audit", "rollup", "newcomer"),
        *("orders", "order_line", "order_contact", "nexo_message", "nexo_spent", "card_hold"),
        *("closing", "fiscal_event", "training", "forwarding", "price_change"),
        *("segment_member", "segment_past", "segment_due", "bought"),
        *("customer", "customer_word", "customer_note", "customer_search", "credential", "device", "consent"),
        *("referral", "referred", "referral_mark", "phone_mark", "confirmation", "customer_pin"),
    }
)
"""Tables that get rows with every sale or customer: nobody who waits may have them walked."""

_NAMED = re.compile(r"\b(?:from|join|update|into)\s+(\w+)(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)
_STEP = re.compile(r"(?P<how>SCAN|SEARCH) (?P<name>\w+)(?: USING (?P<index>.*?))?(?: \((?P<by>[^()]*)\))?$")


class Recorded:
    """Storage that remembers every statement it ran, with the values it was first run with."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self.statements: dict[str, Sequence[Any]] = {}

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads."""
        return await self._sql.read(lambda: self._noting(job()))

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run a job in a transaction."""
        return await self._sql.write(lambda: self._noting(job()))

    def _noting(self, job: Job[T]) -> Job[T]:
        try:
            query = next(job)
            while True:
                for one in statements(query):
                    self.statements.setdefault(one.text, one.values)
                query = job.send((yield query))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            job.close()


def walks(connection: sqlite3.Connection, text: str, values: Sequence[Any]) -> list[str]:
    """The steps of the statement's plan that go through a growing table, or through all that one merchant has in it."""
    rows = connection.execute(f"explain query plan {text}", values).fetchall()
    return [step for *_, step in rows if _walks(step, tables(text))]


def tables(text: str) -> dict[str, str]:
    """The schema's tables that the statement names, by their aliases and by their own names."""
    found = [(name, alias or name) for name, alias in _NAMED.findall(text) if name in metadata.tables]
    return dict([(alias, name) for name, alias in found] + [(name, name) for name, _ in found])


def _walks(step: str, named: dict[str, str]) -> bool:
    read = _STEP.match(step)
    if read is None or named.get(read["name"]) not in GROWING:
        return False
    by = re.findall(r"(\w+)[=<>]", read["by"] or "")
    return read["how"] == "SCAN" or by == ["merchant_id"] or "AUTOMATIC" in (read["index"] or "")
