"""What a pack costs by the kilogram, litre, metre or piece. Pure."""

from typing import Literal

from msgspec import Struct

ContentUnit = Literal["g", "kg", "ml", "cl", "l", "cm", "m", "piece"]
_BASES: dict[str, tuple[str, int, int]] = {  # the base unit, and how much of it one is, as a fraction
    "g": ("kg", 1, 1000),
    "kg": ("kg", 1, 1),
    "ml": ("l", 1, 1000),
    "cl": ("l", 1, 100),
    "l": ("l", 1, 1),
    "cm": ("m", 1, 100),
    "m": ("m", 1, 1),
    "piece": ("piece", 1, 1),
}


class UnitPrice(Struct, frozen=True, kw_only=True):
    """A price in minor units per `unit` (`kg`, `l`, `m` or `piece`), rounded half up: what packs are compared by."""

    price: int
    unit: str


def unit_price(price: int, content: int | None, content_unit: str | None, unit: str = "piece") -> UnitPrice | None:
    """The unit price of a pack with `content` thousandths of `content_unit`, `price` in minor units.

    What is sold by weight, volume or length has its price by that already; nothing is known of a pack without content.
    """
    if unit in ("kg", "l", "m"):
        return UnitPrice(price=price, unit=unit)
    if not content or content_unit is None:
        return None
    base, of, parts = _BASES[content_unit]
    above, below = price * parts * 1000, content * of
    return UnitPrice(price=(2 * above + below) // (2 * below), unit=base)
