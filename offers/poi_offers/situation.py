"""The matcher's input, a `Situation`: where, when, who, which basket, which means of payment."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=200)]


class SaleItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One basket line. `quantity` in thousandths of `unit`; `unit_price` and `cost` in minor units, VAT included."""

    line_id: Annotated[str, Meta(min_length=1, max_length=32)]
    label: Annotated[str, Meta(min_length=1, max_length=200)]
    unit_price: Annotated[int, Meta(ge=0, le=100_000_000)]
    quantity: Annotated[int, Meta(ge=1, le=100_000_000)] = 1000
    unit: Literal["piece", "kg", "l", "m", "h"] = "piece"
    code: Text = ""
    category: Text = ""
    brand: Text = ""
    vat_rate: Annotated[int, Meta(ge=0, le=10_000)] = 2000
    cost: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None

    @property
    def amount(self) -> int:
        """Price of the line before any discount, minor units, half a unit rounded up."""
        return (2 * self.unit_price * self.quantity + 1000) // 2000

    @property
    def units(self) -> int:
        """Whole units that a unit effect can serve; goods sold by weight or length have none."""
        return self.quantity // 1000 if self.unit == "piece" else 0


class Basket(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lines, the codes the customer gave, and the rewards they ask for."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    items: Annotated[tuple[SaleItem, ...], Meta(max_length=500)] = ()
    codes: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=20)] = ()
    rewards: Annotated[tuple[str, ...], Meta(max_length=20)] = ()

    @property
    def subtotal(self) -> int:
        """Sum of the lines before any discount, minor units."""
        return sum(item.amount for item in self.items)


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it happens. `zone` is the IANA zone that judges dates and hours; `store_id` is None at a free position."""

    zone: str
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    store_id: str | None = None
    regions: tuple[str, ...] = ()


class CustomerFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is on file. `None` means not on file, so a condition over it is unknown.

    `visits_in` and `spend_in` map a look-back window in days (0 = ever) to visits and to minor units paid.
    """

    customer_id: str
    tier: str | None = None
    segments: tuple[str, ...] = ()
    birthday: date | None = None
    visits_in: dict[int, int] = {}
    spend_in: dict[int, int] = {}
    last_visit: datetime | None = None
    points: int = 0


class PaymentFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the means of payment before the amount is sent; `None` means unknown."""

    scheme: str | None = None
    card_type: Literal["debit", "credit", "prepaid", "commercial"] | None = None
    bin: Annotated[str, Meta(pattern=r"^\d{0,8}\Z")] | None = None
    entry_mode: Literal["contactless", "chip", "swipe", "manual", "phone", "cash", "wallet"] | None = None


class Situation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a decision may depend on. `at` is an aware datetime in UTC."""

    at: datetime
    place: Place
    basket: Basket
    customer: CustomerFacts | None = None
    payment: PaymentFacts | None = None
    channel: Literal["counter", "phone", "partner"] = "counter"
    partner: str | None = None
