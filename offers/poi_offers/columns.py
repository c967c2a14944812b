"""The matcher's columns and families: a situation as numbers and sets of numbers, the same for every offer."""

from collections.abc import Iterable
from enum import IntEnum, auto

from poi_cext.match import Event
from poi_cext.ops import HIGH, LOW, UNKNOWN
from poi_offers.geo import unit_vector
from poi_offers.scene import Scene
from poi_offers.selection import category_path
from poi_offers.situation import CustomerFacts, SaleItem
from poi_offers.storetime import birthday_distances, days_between


class Column(IntEnum):
    """Numbers; the first three are the matcher's hot ones."""

    DATE = 0  # proleptic ordinal of the store's day
    SUBTOTAL = auto()  # minor units, before any discount
    VISITS = auto()  # ever, this sale counted
    RECENCY = auto()  # midnights since the last visit
    POINTS = auto()
    MINUTE = auto()  # of the store's week
    QUANTITY = auto()  # thousandths, whole basket
    BIRTHDAY_IN = auto()  # days
    BIRTHDAY_AGO = auto()  # days
    VISITS_7 = auto()
    VISITS_30 = auto()
    VISITS_90 = auto()
    VISITS_365 = auto()
    SPEND_0 = auto()  # minor units, ever
    SPEND_7 = auto()
    SPEND_30 = auto()
    SPEND_90 = auto()
    SPEND_365 = auto()


class Family(IntEnum):
    """Sets; the first eight are the matcher's hot ones."""

    TIER = 0
    SEGMENT = auto()
    HOUR = auto()  # of the store's day
    CODE = auto()  # folded
    SCHEME = auto()
    CARD_TYPE = auto()
    ENTRY_MODE = auto()
    CHANNEL = auto()
    PARTNER = auto()
    BIN = auto()  # the beginnings of the card's known digits
    BIN_WHOLE = auto()  # all its known digits
    GOODS = auto()  # product codes, brands and category paths of the basket
    STORE = auto()
    REGION = auto()


VISITS = {0: Column.VISITS, 7: Column.VISITS_7, 30: Column.VISITS_30, 90: Column.VISITS_90, 365: Column.VISITS_365}
SPEND = {0: Column.SPEND_0, 7: Column.SPEND_7, 30: Column.SPEND_30, 90: Column.SPEND_90, 365: Column.SPEND_365}
MAX_GOODS = 20_000
"""Different goods whose numbers are kept."""
Line = tuple[list[int], int, int]
"""A basket line for the matcher: its goods, its amount (minor units) and its quantity (thousandths)."""


class Vocabulary:
    """A number for every word an offer names, family by family; a word no offer names has none."""

    def __init__(self) -> None:
        self._words: tuple[dict[str, int], ...] = tuple({} for _ in Family)
        self._goods: dict[tuple[str, str, str], list[int]] = {}

    def learn(self, family: Family, words: Iterable[str]) -> list[int]:
        """The numbers of an offer's words, sorted; new words get the next ones."""
        known = self._words[family]
        if family == Family.GOODS:
            self._goods.clear()
        return sorted({known.setdefault(word, len(known)) for word in words})

    def find(self, family: Family, words: Iterable[str]) -> list[int]:
        """The numbers of those words that an offer names."""
        known = self._words[family]
        return [known[word] for word in words if word in known]

    def goods(self, item: SaleItem) -> list[int]:
        """The numbers of a line's product code, brand and categories, kept for the next basket with the same."""
        key = (item.code, item.brand, item.category)
        numbers = self._goods.get(key)
        if numbers is None:
            if len(self._goods) >= MAX_GOODS:
                self._goods.clear()
            words = goods_of((item.code,), (item.brand,), category_path(item.category))
            numbers = self._goods[key] = self.find(Family.GOODS, words)
        return numbers


def event(scene: Scene, vocabulary: Vocabulary) -> Event:
    """The situation as the matcher takes it."""
    place, lines = scene.situation.place, _lines(scene.situation.basket.items, vocabulary)
    numbers, sets = _numbers(scene, lines), _sets(scene, vocabulary)
    sets[Family.GOODS] = sorted({tag for tags, _, _ in lines for tag in tags})
    if place.lat is None or place.lon is None:
        return Event(numbers, sets, lines)
    return Event(numbers, sets, lines, unit_vector(place.lat, place.lon), (place.lon, place.lat))


def goods_of(products: Iterable[str], brands: Iterable[str], categories: Iterable[str]) -> set[str]:
    """Words of the goods family."""
    return {f"p:{word}" for word in products} | {f"b:{word}" for word in brands} | {f"c:{word}" for word in categories}


def _numbers(scene: Scene, lines: list[Line]) -> list[int]:
    situation = scene.situation
    numbers = [UNKNOWN] * len(Column)
    numbers[Column.DATE] = scene.wall.toordinal()
    numbers[Column.MINUTE] = scene.minute
    numbers[Column.SUBTOTAL] = _clamp(sum(amount for _, amount, _ in lines))
    numbers[Column.QUANTITY] = _clamp(sum(quantity for _, _, quantity in lines))
    if situation.customer is not None:
        _add_customer(numbers, situation.customer, scene)
    return numbers


def _add_customer(numbers: list[int], customer: CustomerFacts, scene: Scene) -> None:
    situation = scene.situation
    numbers[Column.POINTS] = _clamp(customer.points)
    for days, visits in customer.visits_in.items():
        if days in VISITS:
            numbers[VISITS[days]] = _clamp(visits + (days == 0))
    for days, paid in customer.spend_in.items():
        if days in SPEND:
            numbers[SPEND[days]] = _clamp(paid)
    if customer.last_visit is not None:
        numbers[Column.RECENCY] = days_between(customer.last_visit, situation.at, situation.place.zone)
    if customer.birthday is not None:
        numbers[Column.BIRTHDAY_IN], numbers[Column.BIRTHDAY_AGO] = birthday_distances(
            scene.wall.date(), customer.birthday
        )


def _sets(scene: Scene, vocabulary: Vocabulary) -> list[list[int] | None]:
    situation, customer, payment = scene.situation, scene.situation.customer, scene.situation.payment
    digits = None if payment is None else payment.bin
    words: list[Iterable[str] | None] = [
        _one(None if customer is None else customer.tier),
        None if customer is None else customer.segments,
        None,
        scene.codes or None,
        _one(None if payment is None else payment.scheme),
        _one(None if payment is None else payment.card_type),
        _one(None if payment is None else payment.entry_mode),
        (situation.channel,),
        _one(situation.partner),
        None if digits is None else [digits[:length] for length in range(len(digits) + 1)],
        _one(digits),
        None,
        _one(situation.place.store_id),
        scene.regions,
    ]
    sets = [None if some is None else vocabulary.find(Family(i), some) for i, some in enumerate(words)]
    sets[Family.HOUR] = [scene.wall.hour]
    return sets


def _one(word: str | None) -> tuple[str, ...] | None:
    return None if word is None else (word,)


def _lines(items: tuple[SaleItem, ...], vocabulary: Vocabulary) -> list[Line]:
    return [(vocabulary.goods(item), min(item.amount, HIGH), min(item.quantity, HIGH)) for item in items]


def _clamp(value: int) -> int:
    """Into the matcher's range; every limit an offer can name lies well inside it."""
    return max(LOW, min(HIGH, value))
