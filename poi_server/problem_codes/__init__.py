"""Every problem code the API answers with: its title, what it means, how to mend it."""

from poi_server.problem_codes import access, counter, customers, goods, money, orders, request, segments, service, staff
from poi_server.problem_codes.explanation import Explanation

PARTS = (request, access, staff, counter, money, customers, segments, goods, orders, service)

CATALOGUE: dict[str, Explanation] = {code: words for part in PARTS for code, words in part.CODES.items()}

__all__ = ["CATALOGUE", "PARTS", "Explanation"]
