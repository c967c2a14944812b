"""The merchant's rules for choosing, and the programme's figures the choice needs."""

from typing import Literal

from msgspec import Struct


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the best combination is judged.

    The programme gives `points` points per full `points_amount` minor units paid; a point is worth `point_value`
    thousandths of a minor unit. `node_bound` bounds the search (nodes, never time).
    """

    choice: Literal["customer_best", "priority", "margin_best"] = "customer_best"
    points: int = 1
    points_amount: int = 100
    point_value: int = 1000
    node_bound: int = 20_000
