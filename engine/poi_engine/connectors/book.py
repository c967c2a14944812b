"""A connector's own book: a SQLite file, opened by whoever needs it first, shared by the processes of a machine."""

import sqlite3
import threading
from pathlib import Path

Row = sqlite3.Row
BookFailure = sqlite3.Error


class Book:
    """A file (or `:memory:`) with its tables. Blocking: connectors call it from a thread, and hold the lock."""

    def __init__(self, path: str | Path, *schema: str) -> None:
        self._path = path
        self._schema = schema
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def _sql(self) -> sqlite3.Connection:
        """The connection; the lock is held."""
        if self._connection is None:
            opened = sqlite3.connect(self._path, check_same_thread=False, timeout=10, isolation_level=None)
            opened.row_factory = sqlite3.Row
            try:
                opened.execute("pragma journal_mode = wal")
                opened.execute("pragma synchronous = full")
                for statement in self._schema:
                    opened.execute(statement)
            except sqlite3.Error:  # no room: the next one who asks opens it anew
                opened.close()
                raise
            self._connection = opened
        return self._connection

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
