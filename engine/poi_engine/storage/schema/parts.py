"""What every table is made of: `merchant_id` leads its key, times and amounts are whole numbers."""

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, PrimaryKeyConstraint, Table, Text
from sqlalchemy import text as literal
from sqlalchemy.schema import SchemaItem

metadata = MetaData()


def text(name: str, *, null: bool = False) -> Column[str]:
    """A text column."""
    return Column(name, Text, nullable=null)


def integer(name: str, *, null: bool = False, default: int | None = None) -> Column[int]:
    """A whole number of 64 bits: minor units, thousandths, microseconds since 1970, or a flag."""
    return Column(name, BigInteger, nullable=null, server_default=None if default is None else str(default))


def table(name: str, key: tuple[str, ...], *parts: SchemaItem) -> Table:
    """A table whose primary key is the merchant and `key`."""
    return Table(name, metadata, text("merchant_id"), *parts, PrimaryKeyConstraint("merchant_id", *key))


def where(rows: str) -> dict[str, Any]:
    """What makes an index of some rows only; a statement that is to use it says the same."""
    return {"sqlite_where": literal(rows), "postgresql_where": literal(rows)}
