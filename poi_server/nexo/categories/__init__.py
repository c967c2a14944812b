"""What each category of requests does, one module a group; a new category is one more line there."""

from poi_server.nexo.categories import acquisition, devices, loyalty, payment, session, status, totals, value
from poi_server.nexo.turn import Category

_GROUPS = (session, payment, status, acquisition, loyalty, value, totals, devices)
CATEGORIES: dict[str, Category] = {name: category for group in _GROUPS for name, category in group.CATEGORIES.items()}
