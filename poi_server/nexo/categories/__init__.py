"""What each category of requests does, one module a group; a new category is one more line here."""

from poi_server.nexo.categories import payment, session, status
from poi_server.nexo.turn import Category

CATEGORIES: dict[str, Category] = session.CATEGORIES | payment.CATEGORIES | status.CATEGORIES
UNANSWERED = frozenset({"Abort", "InputUpdate", "Event"})
"""Categories whose answer is an empty one."""
