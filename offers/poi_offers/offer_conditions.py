"""The conditions of an offer: a tree of all / any / not over leaves.

Dates and hours are the store's own (its IANA zone). Places are WGS 84 degrees, distances metres.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_offers.offer_parts import Count, Days, HourMinute, Ids, Milli, Minor, Part, Selector, Words


class All(Part, frozen=True, kw_only=True, tag="all"):
    """True when every part is true."""

    of: tuple["Condition", ...]


class Any(Part, frozen=True, kw_only=True, tag="any"):
    """True when one part is true."""

    of: tuple["Condition", ...]


class Not(Part, frozen=True, kw_only=True, tag="not"):
    """True when the part is false; unknown stays unknown."""

    of: "Condition"


class Circle(Part, frozen=True, kw_only=True, tag="circle"):
    """The situation's place is within `radius` metres (great circle) of a centre."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius: Annotated[float, Meta(gt=0, le=20_037_508)]


class Polygon(Part, frozen=True, kw_only=True, tag="polygon"):
    """The place is inside GeoJSON rings of [lon, lat]: border first, then holes; edges are inside."""

    rings: Annotated[
        tuple[Annotated[tuple[tuple[float, float], ...], Meta(min_length=4, max_length=1000)], ...],
        Meta(min_length=1, max_length=50),
    ]


class Stores(Part, frozen=True, kw_only=True, tag="stores"):
    """The situation is at one of these stores."""

    any_of: Ids


class Region(Part, frozen=True, kw_only=True, tag="region"):
    """The store lies in one of these regions (ISO 3166 codes such as `FR` or `FR-75`)."""

    any_of: Words


class Dates(Part, frozen=True, kw_only=True, tag="dates"):
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


class Weekly(Part, frozen=True, kw_only=True, tag="weekly"):
    """The store's wall clock is in one of these weekly windows."""

    windows: Annotated[tuple[WeeklyWindow, ...], Meta(min_length=1, max_length=50)]


class Recurrence(Part, frozen=True, kw_only=True, tag="recurrence"):
    """An RFC 5545 RRULE in store time: each occurrence starts at the rule's wall-clock time and lasts `minutes`."""

    rrule: Annotated[str, Meta(min_length=6, max_length=500)]
    start: datetime  # naive: the store's wall clock
    minutes: Annotated[int, Meta(ge=1, le=44_640)]


class TierIs(Part, frozen=True, kw_only=True, tag="tier"):
    """The customer's tier is one of these."""

    any_of: Words


class InSegment(Part, frozen=True, kw_only=True, tag="segment"):
    """The customer is in one of `any_of` (when given) and in none of `none_of`."""

    any_of: Ids = ()
    none_of: Ids = ()


class Birthday(Part, frozen=True, kw_only=True, tag="birthday"):
    """Today is `before` days before to `after` days after the birthday; 29 February is the 28th in common years."""

    before: Annotated[int, Meta(ge=0, le=182)] = 0
    after: Annotated[int, Meta(ge=0, le=182)] = 0


class NthVisit(Part, frozen=True, kw_only=True, tag="nth_visit"):
    """This sale is the customer's n-th visit; with `every`, each n-th (n, 2n, 3n ...)."""

    n: Annotated[int, Meta(ge=1, le=100_000)]
    every: bool = False


class Recency(Part, frozen=True, kw_only=True, tag="recency"):
    """Whole days since the customer's last visit; a customer without one is unknown."""

    min_days: Count | None = None
    max_days: Count | None = None


class Frequency(Part, frozen=True, kw_only=True, tag="frequency"):
    """Visits within the last `days`, not counting this one."""

    min: Count | None = None
    max: Count | None = None
    days: Days = 0


class Spend(Part, frozen=True, kw_only=True, tag="spend"):
    """Money paid within the last `days`, not counting this sale."""

    min: Minor | None = None
    max: Minor | None = None
    days: Days = 0


class FirstPurchase(Part, frozen=True, kw_only=True, tag="first_purchase"):
    """The customer has never bought here before."""


class PointsBalance(Part, frozen=True, kw_only=True, tag="points_balance"):
    """The customer's points before this sale."""

    min: Count | None = None
    max: Count | None = None


class Subtotal(Part, frozen=True, kw_only=True, tag="subtotal"):
    """Amount of the selected lines before any discount."""

    min: Minor | None = None
    max: Minor | None = None
    items: Selector = Selector()


class Quantity(Part, frozen=True, kw_only=True, tag="quantity"):
    """Quantity of the selected lines, in thousandths."""

    min: Milli | None = None
    max: Milli | None = None
    items: Selector = Selector()


class BundleItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One component of a bundle: a quantity (thousandths) of the selected lines."""

    items: Selector
    quantity: Milli = 1000


class Bundle(Part, frozen=True, kw_only=True, tag="bundle"):
    """Every component is in the basket."""

    of: Annotated[tuple[BundleItem, ...], Meta(min_length=1, max_length=20)]


class CardScheme(Part, frozen=True, kw_only=True, tag="card_scheme"):
    """The card's scheme (`cb`, `visa`, `mastercard`, `amex`, ...)."""

    any_of: Words


class CardType(Part, frozen=True, kw_only=True, tag="card_type"):
    """The card's type."""

    any_of: Annotated[tuple[Literal["debit", "credit", "prepaid", "commercial"], ...], Meta(min_length=1)]


class BinPrefix(Part, frozen=True, kw_only=True, tag="bin_prefix"):
    """The card number starts with one of these prefixes of up to 8 digits."""

    any_of: Annotated[tuple[Annotated[str, Meta(pattern=r"^\d{1,8}\Z")], ...], Meta(min_length=1, max_length=500)]


class EntryMode(Part, frozen=True, kw_only=True, tag="entry_mode"):
    """How the card or means of payment was presented."""

    any_of: Annotated[
        tuple[Literal["contactless", "chip", "swipe", "manual", "phone", "cash", "wallet"], ...], Meta(min_length=1)
    ]


class Channel(Part, frozen=True, kw_only=True, tag="channel"):
    """Where the basket is: at the counter, on the customer's phone, or in a partner's app."""

    any_of: Annotated[tuple[Literal["counter", "phone", "partner"], ...], Meta(min_length=1)]


class Partner(Part, frozen=True, kw_only=True, tag="partner"):
    """The partner whose app asks."""

    any_of: Ids


class Code(Part, frozen=True, kw_only=True, tag="code"):
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
