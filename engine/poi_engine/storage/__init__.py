"""Storage behind the ports: SQL for what must last, Redis for what may be lost."""

from typing import TYPE_CHECKING

from poi_engine.storage.upgrade import migrate
from poi_engine.storage.urls import sqlite_path

if TYPE_CHECKING:
    from poi_engine.storage.postgres import PostgresSql
    from poi_engine.storage.sqlite import SqliteSql

__all__ = ["migrate", "open_sql"]


def open_sql(url: str, *, mapped: bool = False) -> "SqliteSql | PostgresSql":
    """SQL storage at `sqlite:///FILE` or `postgresql://...`; connects when first used. `migrate` it before.

    `mapped`: whoever reads all of a file does so without copying its pages.
    """
    if url.startswith("sqlite:"):
        from poi_engine.storage.sqlite import SqliteSql

        return SqliteSql(sqlite_path(url), mapped=mapped)
    from poi_engine.storage.postgres import PostgresSql

    return PostgresSql(url)
