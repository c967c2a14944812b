"""The API's routes, one module a subject. A new module is one more line in `route_table`."""

from __future__ import annotations

from importlib import import_module

from poi_server.http import Route

MODULES = (
    "access",
    "setup",
    "sellers",
    "counter",
    "handover",
    "questions",
    "till",
    "confirmations",
    "advice",
    "products",
    "stock",
    "sales",
    "money",
    "nexo",
    "fiscal",
    "value",
    "tabs",
    "bank",
    "orders",
    "customers",
    "clientele",
    "offers",
    "segments",
    "lift",
    "campaigns",
    "decisions",
    "insights",
    "phone",
    "phone_products",
    "phone_push",
    "live",
    "health",
    "authority",
    "docs",
    "pages",
)
"""The modules of this package that hold a table `routes`, in the order of the API reference."""


_TABLES = [import_module(f"{__name__}.{name}").routes for name in MODULES]


def route_table() -> tuple[Route, ...]:
    """Every route."""
    return tuple(route for table in _TABLES for route in table.entries)
