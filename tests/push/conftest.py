"""A shop on SQLite, its invariants checked at the end."""

from tests.campaigns.conftest import shop

__all__ = ["shop"]
