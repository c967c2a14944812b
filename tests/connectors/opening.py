"""Connectors are opened as the server does it: in a thread, for they read files."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from poi_engine.ports import ConnectorSetup

T = TypeVar("T")


def opened_apart(opened: Callable[[ConnectorSetup], T], setup: ConnectorSetup) -> T:
    """The connector, opened in a thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(opened, setup).result()
