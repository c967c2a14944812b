"""The API's routes, one module a subject. A new module is one more line in `TABLES`."""

from __future__ import annotations

from poi_server.http import Route, Routes
from poi_server.routes import access, docs, health, setup

TABLES: tuple[Routes, ...] = (
    access.routes,
    setup.routes,
    health.routes,
    docs.routes,
)


def route_table() -> tuple[Route, ...]:
    """Every route, in the order of the API reference."""
    return tuple(route for table in TABLES for route in table.entries)
