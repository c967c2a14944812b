"""The offer: conditions, effects, limits and stacking, as merchants write them and as the API speaks them.

Amounts are integers in minor units of the offer's currency, VAT included. Percentages are in basis points
(1000 = 10 %). Quantities are in thousandths of the line's unit. Dates and hours are the store's own (its IANA zone).
Places are WGS 84 degrees, distances metres. `validate.check_offer` adds the rules that types cannot say.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+\Z")]
Word = Annotated[str, Meta(min_length=1, max_length=120)]
Words = Annotated[tuple[Word, ...], Meta(max_length=500)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=5000)]
Minor = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
Milli = Annotated[int, Meta(ge=1, le=1_000_000_000)]
HourMinute = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")]
Days = Literal[0, 7, 30, 90, 365]
"""A look-back window in days; 0 means since ever."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """Common settings of every condition and effect: frozen, keyword-only, unknown fields refused."""


class Selector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which basket lines. With no include list every line fits; an exclude list always wins.

    A line fits an include list when its product code, its brand or a prefix of its category path is named.
    Category paths are written `food/pastry/macaron`; `food/pastry` takes in everything below it.
    """

    products: Words = ()
    brands: Words = ()
    categories: Words = ()
    exclude_products: Words = ()
    exclude_brands: Words = ()
    exclude_categories: Words = ()


# --- conditions: a tree of all / any / not over leaves ------------------------------------------------------------


class All(_Part, frozen=True, kw_only=True, tag="all"):
    """True when every part is true."""

    of: tuple["Condition", ...]


class Any(_Part, frozen=True, kw_only=True, tag="any"):
    """True when one part is true."""

    of: tuple["Condition", ...]


class Not(_Part, frozen=True, kw_only=True, tag="not"):
    """True when the part is false; unknown stays unknown."""

    of: "Condition"


class Circle(_Part, frozen=True, kw_only=True, tag="circle"):
    """The situation's place is within `radius` metres (great circle) of a centre."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius: Annotated[float, Meta(gt=0, le=20_037_508)]


class Polygon(_Part, frozen=True, kw_only=True, tag="polygon"):
    """The place is inside GeoJSON rings of [lon, lat]: border first, then holes; edges are inside."""

    rings: Annotated[
        tuple[Annotated[tuple[tuple[float, float], ...], Meta(min_length=4, max_length=1000)], ...],
        Meta(min_length=1, max_length=50),
    ]


class Stores(_Part, frozen=True, kw_only=True, tag="stores"):
    """The situation is at one of these stores."""

    any_of: Ids


class Region(_Part, frozen=True, kw_only=True, tag="region"):
    """The store lies in one of these regions (ISO 3166 codes such as `FR` or `FR-75`)."""

    any_of: Words


class Dates(_Part, frozen=True, kw_only=True, tag="dates"):
    """From the first to the last day, both included, in the store's own calendar."""

    first: date | None = None
    last: date | None = None


class WeeklyWindow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of some weekdays (1 = Monday .. 7 = Sunday). `end` is excluded; `24:00` is written `00:00`.

    When `end` is not after `start` the window runs past midnight into the next day.
    """

    days: Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(min_length=1, max_length=7)]
    start: HourMinute
    end: HourMinute


class Weekly(_Part, frozen=True, kw_only=True, tag="weekly"):
    """The store's wall clock is in one of these weekly windows."""

    windows: Annotated[tuple[WeeklyWindow, ...], Meta(min_length=1, max_length=50)]


class Recurrence(_Part, frozen=True, kw_only=True, tag="recurrence"):
    """An RFC 5545 RRULE in store time: each occurrence starts at the rule's wall-clock time and lasts `minutes`."""

    rrule: Annotated[str, Meta(min_length=6, max_length=500)]
    start: datetime  # naive: the store's wall clock
    minutes: Annotated[int, Meta(ge=1, le=44_640)]


class TierIs(_Part, frozen=True, kw_only=True, tag="tier"):
    """The customer's tier is one of these."""

    any_of: Words


class InSegment(_Part, frozen=True, kw_only=True, tag="segment"):
    """The customer is in one of `any_of` (when given) and in none of `none_of`."""

    any_of: Ids = ()
    none_of: Ids = ()


class Birthday(_Part, frozen=True, kw_only=True, tag="birthday"):
    """Today is `before` days before to `after` days after the birthday; 29 February is the 28th in common years."""

    before: Annotated[int, Meta(ge=0, le=182)] = 0
    after: Annotated[int, Meta(ge=0, le=182)] = 0


class NthVisit(_Part, frozen=True, kw_only=True, tag="nth_visit"):
    """This sale is the customer's n-th visit; with `every`, each n-th (n, 2n, 3n ...)."""

    n: Annotated[int, Meta(ge=1, le=100_000)]
    every: bool = False


class Recency(_Part, frozen=True, kw_only=True, tag="recency"):
    """Whole days since the customer's last visit; a customer without one is unknown."""

    min_days: Count | None = None
    max_days: Count | None = None


class Frequency(_Part, frozen=True, kw_only=True, tag="frequency"):
    """Visits within the last `days`, not counting this one."""

    min: Count | None = None
    max: Count | None = None
    days: Days = 0


class Spend(_Part, frozen=True, kw_only=True, tag="spend"):
    """Money paid within the last `days`, not counting this sale."""

    min: Minor | None = None
    max: Minor | None = None
    days: Days = 0


class FirstPurchase(_Part, frozen=True, kw_only=True, tag="first_purchase"):
    """The customer has never bought here before."""


class PointsBalance(_Part, frozen=True, kw_only=True, tag="points_balance"):
    """The customer's points before this sale."""

    min: Count | None = None
    max: Count | None = None


class Subtotal(_Part, frozen=True, kw_only=True, tag="subtotal"):
    """Amount of the selected lines before any discount."""

    min: Minor | None = None
    max: Minor | None = None
    items: Selector = Selector()


class Quantity(_Part, frozen=True, kw_only=True, tag="quantity"):
    """Quantity of the selected lines, in thousandths."""

    min: Milli | None = None
    max: Milli | None = None
    items: Selector = Selector()


class BundleItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One component of a bundle: a quantity (thousandths) of the selected lines."""

    items: Selector
    quantity: Milli = 1000


class Bundle(_Part, frozen=True, kw_only=True, tag="bundle"):
    """Every component is in the basket."""

    of: Annotated[tuple[BundleItem, ...], Meta(min_length=1, max_length=20)]


class CardScheme(_Part, frozen=True, kw_only=True, tag="card_scheme"):
    """The card's scheme (`cb`, `visa`, `mastercard`, `amex`, ...)."""

    any_of: Words


class CardType(_Part, frozen=True, kw_only=True, tag="card_type"):
    """The card's type."""

    any_of: Annotated[tuple[Literal["debit", "credit", "prepaid", "commercial"], ...], Meta(min_length=1)]


class BinPrefix(_Part, frozen=True, kw_only=True, tag="bin_prefix"):
    """The card number starts with one of these prefixes of up to 8 digits."""

    any_of: Annotated[tuple[Annotated[str, Meta(pattern=r"^\d{1,8}\Z")], ...], Meta(min_length=1, max_length=500)]


class EntryMode(_Part, frozen=True, kw_only=True, tag="entry_mode"):
    """How the card or means of payment was presented."""

    any_of: Annotated[
        tuple[Literal["contactless", "chip", "swipe", "manual", "phone", "cash", "wallet"], ...], Meta(min_length=1)
    ]


class Channel(_Part, frozen=True, kw_only=True, tag="channel"):
    """Where the basket is: at the counter, on the customer's phone, or in a partner's app."""

    any_of: Annotated[tuple[Literal["counter", "phone", "partner"], ...], Meta(min_length=1)]


class Partner(_Part, frozen=True, kw_only=True, tag="partner"):
    """The partner whose app asks."""

    any_of: Ids


class Code(_Part, frozen=True, kw_only=True, tag="code"):
    """The customer gave one of these codes; case and surrounding spaces do not matter."""

    any_of: Words


Leaf = (
    Circle
    | Polygon
    | Stores
    | Region
    | Dates
    | Weekly
    | Recurrence
    | TierIs
    | InSegment
    | Birthday
    | NthVisit
    | Recency
    | Frequency
    | Spend
    | FirstPurchase
    | PointsBalance
    | Subtotal
    | Quantity
    | Bundle
    | CardScheme
    | CardType
    | BinPrefix
    | EntryMode
    | Channel
    | Partner
    | Code
)
Condition = All | Any | Not | Leaf


# --- effects ------------------------------------------------------------------------------------------------------


class PercentOff(_Part, frozen=True, kw_only=True, tag="percent_off"):
    """A share off, at most `cap`.

    `on`: `line` = each selected line; `cheapest` = the `n` cheapest selected units; `basket` = the selected lines
    together, after all line effects (compounding).
    """

    percent: Annotated[int, Meta(ge=1, le=10_000)]
    on: Literal["line", "cheapest", "basket"] = "basket"
    items: Selector = Selector()
    n: Annotated[int, Meta(ge=1, le=1000)] = 1
    cap: Minor | None = None


class AmountOff(_Part, frozen=True, kw_only=True, tag="amount_off"):
    """An amount off: once per selected line, per selected whole unit, or once for the basket."""

    amount: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    on: Literal["line", "unit", "basket"] = "basket"
    items: Selector = Selector()


class FixedPrice(_Part, frozen=True, kw_only=True, tag="fixed_price"):
    """Each selected whole unit costs `price` (never more than before); `max_units` limits how many."""

    price: Minor
    items: Selector
    max_units: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class FreeItem(_Part, frozen=True, kw_only=True, tag="free_item"):
    """`units` selected units in the basket are free, the cheapest first; none in the basket is a near miss."""

    items: Selector
    units: Annotated[int, Meta(ge=1, le=1000)] = 1


class BuyXGetY(_Part, frozen=True, kw_only=True, tag="buy_x_get_y"):
    """For every `buy` units paid, `get` further units (the cheapest) at `percent` off, at most `times` times."""

    items: Selector
    buy: Annotated[int, Meta(ge=1, le=1000)]
    get: Annotated[int, Meta(ge=1, le=1000)] = 1
    percent: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    times: Annotated[int, Meta(ge=1, le=1000)] = 1


class PointsFixed(_Part, frozen=True, kw_only=True, tag="points_fixed"):
    """A number of points."""

    points: Annotated[int, Meta(ge=1, le=10_000_000)]


class PointsPerUnit(_Part, frozen=True, kw_only=True, tag="points_per_unit"):
    """`points` for each full `amount` paid on the selected lines, after discounts."""

    points: Annotated[int, Meta(ge=1, le=1_000_000)]
    amount: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    items: Selector = Selector()


class PointsMultiplier(_Part, frozen=True, kw_only=True, tag="points_multiplier"):
    """The programme's points times `factor` thousandths (2000 = double); only the extra is the offer's."""

    factor: Annotated[int, Meta(ge=1001, le=100_000)]


class Cashback(_Part, frozen=True, kw_only=True, tag="cashback"):
    """Stored value for the customer's wallet: a share of what is paid, or an amount; at most `cap`."""

    percent: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    amount: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    cap: Minor | None = None


class NextVisitCoupon(_Part, frozen=True, kw_only=True, tag="next_visit_coupon"):
    """A personal code that makes `offer_id` available on a later visit, for `days` days."""

    offer_id: Id
    days: Annotated[int, Meta(ge=1, le=730)] = 30


class Message(_Part, frozen=True, kw_only=True, tag="message"):
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


# --- limits, stacking, the offer ----------------------------------------------------------------------------------


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most `cap` uses (or minor units of discount and stored value) per scope and per period in store time.

    `shared`: counted over all offers of the campaign together that have such a limit.
    """

    of: Literal["uses", "money"]
    cap: Annotated[int, Meta(ge=1, le=1_000_000_000_000)]
    per: Literal["total", "customer", "store"] = "total"
    period: Literal["ever", "day", "week", "month"] = "ever"
    shared: bool = False


class Stacking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the offer lives with others. `exclusive`: alone or not at all. `group`: at most `group_max` of one group."""

    priority: Annotated[int, Meta(ge=0, le=1000)] = 0
    exclusive: bool = False
    group: Id | None = None
    group_max: Annotated[int, Meta(ge=1, le=100)] = 1


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One version of an offer; immutable once used. `reward_points` makes it a reward: its price in points."""

    offer_id: Id
    version: Annotated[int, Meta(ge=1)] = 1
    name: dict[Literal["fr", "en"], Annotated[str, Meta(min_length=1, max_length=120)]]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    effects: Annotated[tuple[Effect, ...], Meta(min_length=1, max_length=8)]
    conditions: Condition = All(of=())
    limits: Annotated[tuple[Limit, ...], Meta(max_length=8)] = ()
    stacking: Stacking = Stacking()
    holdout: BasisPoints = 0
    reward_points: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    campaign_id: Id | None = None
