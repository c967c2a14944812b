"""Short ways to write a situation in a table of expectations."""

from datetime import UTC, datetime

from poi_offers.situation import Basket, CustomerFacts, PaymentFacts, Place, SaleItem, Situation

PARIS = Place(zone="Europe/Paris", lat=48.8566, lon=2.3522, store_id="sto_paris", regions=("FR-75",))
NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
"""A Sunday, 12:00 in Paris."""


def at(
    moment: datetime = NOON,
    place: Place = PARIS,
    items: tuple[SaleItem, ...] = (),
    codes: tuple[str, ...] = (),
    **facts: object,
) -> Situation:
    """A situation; `facts` are the Situation's other fields."""
    basket = Basket(currency="EUR", items=items, codes=codes)
    return Situation(at=moment, place=place, basket=basket, **facts)  # type: ignore[arg-type]


def somebody(**facts: object) -> Situation:
    """A situation with a customer of whom only this is on file."""
    return at(customer=CustomerFacts(customer_id="cus_1", **facts))  # type: ignore[arg-type]


def card(**facts: object) -> Situation:
    """A situation in which only this is known of the card."""
    return at(payment=PaymentFacts(**facts))  # type: ignore[arg-type]


def line(code: str = "", price: int = 100, quantity: int = 1000, brand: str = "", category: str = "") -> SaleItem:
    """A basket line named after its code."""
    return SaleItem(
        line_id=code or "x",
        label="x",
        unit_price=price,
        quantity=quantity,
        code=code,
        brand=brand,
        category=category,
    )
