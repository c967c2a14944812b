"""Problems with payments, stored value and the fiscal part."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {}
