"""What the insights answer: amounts in minor units after discounts, VAT included; quantities in thousandths.

A refund counts negative in amounts and quantities and is no sale in counts. Days, hours and weekdays are the store's.
"""

from datetime import date

from msgspec import Struct

from poi_engine.sales import SaleSummary


class Totals(Struct, frozen=True, kw_only=True):
    """The period in one line. `total` and `saved` are net of refunds; `average_basket` is of sales, rounded down."""

    sales: int
    refunds: int
    total: int
    saved: int
    refunded: int
    points: int
    average_basket: int


class HourCell(Struct, frozen=True, kw_only=True):
    """One cell of the heat map: `weekday` 1 Monday .. 7 Sunday, `hour` 0 .. 23."""

    weekday: int
    hour: int
    sales: int
    total: int


class DayBar(Struct, frozen=True, kw_only=True):
    """One day of the period; days without a sale or refund are left out."""

    day: str
    sales: int
    total: int
    saved: int


class Share(Struct, frozen=True, kw_only=True):
    """One value of a facet (card type, means, store, seller ...); `value` is empty where there is none."""

    value: str
    sales: int
    total: int


class Visitors(Struct, frozen=True, kw_only=True):
    """Sales to new, returning and unidentified customers."""

    new: int
    returning: int
    anonymous: int


class BasketSize(Struct, frozen=True, kw_only=True):
    """Sales whose total lies in [`low`, `high`) minor units, and what they come to; the last band has no `high`."""

    low: int
    high: int | None
    sales: int
    total: int = 0


class ProductRow(Struct, frozen=True, kw_only=True):
    """One product; a plain amount has no code and is known by its label. `sales`: how many had it."""

    code: str
    label: str
    quantity: int
    total: int
    saved: int
    sales: int


class CustomerRow(Struct, frozen=True, kw_only=True):
    """One of the best customers of the period; without a name for whoever may not see customers."""

    customer_id: str
    display_name: str
    sales: int
    total: int


class OfferUse(Struct, frozen=True, kw_only=True):
    """How an offer was used. `total`: what the sales with it came to; `value`: money off, points and stored value."""

    offer_id: str
    name: dict[str, str]
    uses: int
    saved: int
    value: int
    total: int = 0


class Figures(Struct, frozen=True, kw_only=True):
    """Everything about a period but its lists of products, customers and offers."""

    first_day: date
    last_day: date
    currency: str
    totals: Totals
    by_hour: tuple[HourCell, ...]
    by_day: tuple[DayBar, ...]
    by_card_type: tuple[Share, ...]
    by_card_scheme: tuple[Share, ...]
    by_entry_mode: tuple[Share, ...]
    by_means: tuple[Share, ...]
    customers: Visitors
    basket_sizes: tuple[BasketSize, ...]
    by_channel: tuple[Share, ...] = ()
    by_store: tuple[Share, ...] = ()
    by_seller: tuple[Share, ...] = ()
    by_visitor: tuple[Share, ...] = ()


class Insights(Figures, frozen=True, kw_only=True):
    """Everything the dashboard draws for one period; `before`: the figures it is compared with, if asked."""

    by_product: tuple[ProductRow, ...]
    top_customers: tuple[CustomerRow, ...]
    offers: tuple[OfferUse, ...]
    before: Figures | None = None


class BestSeller(ProductRow, frozen=True, kw_only=True):
    """A product and its trend. `before_...` is of the period compared with (`before_rank` None: not sold then).

    `series`: the total in each of the page's buckets, minor units.
    """

    rank: int
    before_rank: int | None
    before_quantity: int
    before_total: int
    series: tuple[int, ...]


class BestSellers(Struct, frozen=True, kw_only=True):
    """A page of best sellers; `next` goes into `after`. `buckets`: the first day of each step of the series."""

    first_day: date
    last_day: date
    before_first_day: date
    before_last_day: date
    currency: str
    buckets: tuple[str, ...]
    items: tuple[BestSeller, ...]
    next: int | None = None


class Cohort(Struct, frozen=True, kw_only=True):
    """Customers whose first sale was in `month` (`2026-11`); `active[n]` of them bought in the n-th month after it."""

    month: str
    customers: int
    active: tuple[int, ...]


class Cohorts(Struct, frozen=True, kw_only=True):
    """Retention: oldest month first. Months that have not begun are left out of `active`."""

    items: tuple[Cohort, ...]


class SaleBehind(SaleSummary, frozen=True, kw_only=True):
    """A sale or refund behind a figure. `day`, `hour` and `weekday` are the store's."""

    seller_id: str | None
    channel: str
    card_type: str | None
    card_scheme: str | None
    entry_mode: str | None
    day: str
    hour: int
    weekday: int
    visitor: str


class SalesBehind(Struct, frozen=True, kw_only=True):
    """A page, newest day first. It may hold fewer than asked, even none; there is more as long as `next` is given."""

    items: tuple[SaleBehind, ...]
    next: str | None = None
