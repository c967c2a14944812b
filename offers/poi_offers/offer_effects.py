"""The effects of an offer, as they are written: what it gives."""

from typing import Annotated, Literal

from msgspec import Meta

from poi_offers.offer_parts import Id, Minor, Part, Selector


class PercentOff(Part, frozen=True, kw_only=True, tag="percent_off"):
    """A share off, at most `cap`.

    `on`: `line` = each selected line; `cheapest` = the `n` cheapest selected units; `basket` = the selected lines
    together, after all line effects (compounding).
    """

    percent: Annotated[int, Meta(ge=1, le=10_000)]
    on: Literal["line", "cheapest", "basket"] = "basket"
    items: Selector = Selector()
    n: Annotated[int, Meta(ge=1, le=1000)] = 1
    cap: Minor | None = None


class AmountOff(Part, frozen=True, kw_only=True, tag="amount_off"):
    """An amount off: once per selected line, per selected whole unit, or once for the basket."""

    amount: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    on: Literal["line", "unit", "basket"] = "basket"
    items: Selector = Selector()


class FixedPrice(Part, frozen=True, kw_only=True, tag="fixed_price"):
    """Each selected whole unit costs `price` (never more than before); `max_units` limits how many."""

    price: Minor
    items: Selector
    max_units: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class FreeItem(Part, frozen=True, kw_only=True, tag="free_item"):
    """`units` selected units in the basket are free, the cheapest first; none in the basket is a near miss."""

    items: Selector
    units: Annotated[int, Meta(ge=1, le=1000)] = 1


class BuyXGetY(Part, frozen=True, kw_only=True, tag="buy_x_get_y"):
    """For every `buy` units paid, `get` further units (the cheapest) at `percent` off, at most `times` times."""

    items: Selector
    buy: Annotated[int, Meta(ge=1, le=1000)]
    get: Annotated[int, Meta(ge=1, le=1000)] = 1
    percent: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    times: Annotated[int, Meta(ge=1, le=1000)] = 1


class PointsFixed(Part, frozen=True, kw_only=True, tag="points_fixed"):
    """A number of points."""

    points: Annotated[int, Meta(ge=1, le=10_000_000)]


class PointsPerUnit(Part, frozen=True, kw_only=True, tag="points_per_unit"):
    """`points` for each full `amount` paid on the selected lines, after discounts."""

    points: Annotated[int, Meta(ge=1, le=1_000_000)]
    amount: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    items: Selector = Selector()


class PointsMultiplier(Part, frozen=True, kw_only=True, tag="points_multiplier"):
    """The programme's points times `factor` thousandths (2000 = double); only the extra is the offer's."""

    factor: Annotated[int, Meta(ge=1001, le=100_000)]


class Cashback(Part, frozen=True, kw_only=True, tag="cashback"):
    """Stored value for the customer's wallet: a share of what is paid, or an amount; at most `cap`."""

    percent: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    amount: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    cap: Minor | None = None


class NextVisitCoupon(Part, frozen=True, kw_only=True, tag="next_visit_coupon"):
    """A personal code that makes `offer_id` available on a later visit, for `days` days."""

    offer_id: Id
    days: Annotated[int, Meta(ge=1, le=730)] = 30


class Message(Part, frozen=True, kw_only=True, tag="message"):
    """A sentence shown to the customer and printed on the receipt, by language (`fr`, `en`)."""

    text: dict[Literal["fr", "en"], Annotated[str, Meta(min_length=1, max_length=500)]]


Effect = (
    PercentOff
    | AmountOff
    | FixedPrice
    | FreeItem
    | BuyXGetY
    | PointsFixed
    | PointsPerUnit
    | PointsMultiplier
    | Cashback
    | NextVisitCoupon
    | Message
)
