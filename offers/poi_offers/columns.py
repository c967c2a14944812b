"""The matcher's columns and families: a situation as numbers and sets of numbers, the same for every offer."""

from datetime import date
from enum import IntEnum, auto
from functools import lru_cache

from poi_cext.match import Event
from poi_cext.ops import HIGH, LOW, UNKNOWN
from poi_offers.rules import rule_word
from poi_offers.scene import Scene
from poi_offers.situation import CustomerFacts, PaymentFacts, Situation
from poi_offers.storetime import birthday_distances, wall_clock
from poi_offers.vocabulary import Family, Vocabulary, goods_of

__all__ = ["SPEND", "VISITS", "Column", "Family", "Line", "Vocabulary", "event", "goods_of", "rule_word"]


class Column(IntEnum):
    """Numbers; the matcher knows what the first two are."""

    DAY = 0  # proleptic ordinal of the store's day
    MINUTE = 1  # of the store's week
    SUBTOTAL = auto()  # minor units, before any discount
    VISITS = auto()  # ever, this sale counted
    RECENCY = auto()  # midnights since the last visit
    POINTS = auto()
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


VISITS = {0: Column.VISITS, 7: Column.VISITS_7, 30: Column.VISITS_30, 90: Column.VISITS_90, 365: Column.VISITS_365}
SPEND = {0: Column.SPEND_0, 7: Column.SPEND_7, 30: Column.SPEND_30, 90: Column.SPEND_90, 365: Column.SPEND_365}
Line = tuple[list[int], int, int]
"""A basket line for the matcher: its goods, its amount (minor units) and its quantity (thousandths)."""

# Plain numbers, for the code below runs once a question: reading an enum's member costs more than what it is used for.
_DAY, _MINUTE, _SUBTOTAL, _QUANTITY = map(int, (Column.DAY, Column.MINUTE, Column.SUBTOTAL, Column.QUANTITY))
_POINTS, _RECENCY, _IN, _AGO = map(int, (Column.POINTS, Column.RECENCY, Column.BIRTHDAY_IN, Column.BIRTHDAY_AGO))
_VISITS, _SPEND = ({days: int(column) for days, column in columns.items()} for columns in (VISITS, SPEND))
_STORE, _REGION, _TIER, _SEGMENT, _CODE, _SCHEME, _TYPE, _ENTRY, _CHANNEL, _PARTNER, _BIN, _WHOLE, _GOODS, _RULE = map(
    int, Family
)
_EVER = _VISITS[0]
_NO_NUMBERS = [UNKNOWN] * len(Column)
_NO_SETS: list[list[int] | None] = [None] * len(Family)


def event(scene: Scene, vocabulary: Vocabulary) -> Event:
    """The situation as the matcher takes it."""
    situation, numbers, sets = scene.situation, _NO_NUMBERS[:], _NO_SETS[:]
    here, lines = vocabulary.spot(situation.place), _lines(situation, vocabulary)
    day, minute = scene.wall.toordinal(), scene.minute
    numbers[_DAY], numbers[_MINUTE] = day, minute
    subtotal = quantity = 0
    goods: set[int] = set()
    for tags, amount, count in lines:
        subtotal += amount
        quantity += count
        goods.update(tags)
    numbers[_SUBTOTAL] = subtotal if subtotal < HIGH else HIGH
    numbers[_QUANTITY] = quantity if quantity < HIGH else HIGH
    sets[_STORE], sets[_REGION], sets[_GOODS] = here.stores, here.regions, list(goods)
    sets[_RULE] = vocabulary.rules(day, minute)
    _add_sale(sets, situation, scene, vocabulary)
    if situation.customer is not None:
        _add_customer(numbers, situation.customer, scene, day)
        sets[_TIER] = vocabulary.one(_TIER, situation.customer.tier)
        sets[_SEGMENT] = vocabulary.find(_SEGMENT, situation.customer.segments)
    if situation.payment is not None:
        _add_payment(sets, situation.payment, vocabulary)
    return Event(numbers, sets, lines, here.point, here.spot)


def _lines(situation: Situation, vocabulary: Vocabulary) -> list[Line]:
    kept, lines = vocabulary.kept_goods, []
    for item in situation.basket.items:
        goods = kept.get((item.code, item.brand, item.category))
        if goods is None:
            goods = vocabulary.goods(item, kept)
        quantity = item.quantity
        amount = (2 * item.unit_price * quantity + 1000) // 2000
        lines.append((goods, amount if amount < HIGH else HIGH, quantity if quantity < HIGH else HIGH))
    return lines


def _add_sale(sets: list[list[int] | None], situation: Situation, scene: Scene, vocabulary: Vocabulary) -> None:
    if situation.basket.codes:
        sets[_CODE] = vocabulary.find(_CODE, scene.codes)
    sets[_CHANNEL] = vocabulary.one(_CHANNEL, situation.channel)
    if situation.partner is not None:
        sets[_PARTNER] = vocabulary.one(_PARTNER, situation.partner)


def _add_payment(sets: list[list[int] | None], payment: PaymentFacts, vocabulary: Vocabulary) -> None:
    sets[_SCHEME] = vocabulary.one(_SCHEME, payment.scheme)
    sets[_TYPE] = vocabulary.one(_TYPE, payment.card_type)
    sets[_ENTRY] = vocabulary.one(_ENTRY, payment.entry_mode)
    digits = payment.bin
    if digits is not None:
        sets[_BIN] = vocabulary.find(_BIN, [digits[:length] for length in range(len(digits) + 1)])
        sets[_WHOLE] = vocabulary.find(_WHOLE, (digits,))


def _add_customer(numbers: list[int], customer: CustomerFacts, scene: Scene, day: int) -> None:
    numbers[_POINTS] = _clamped(customer.points)
    for columns, facts in ((_VISITS, customer.visits_in), (_SPEND, customer.spend_in)):
        for days, number in facts.items():
            if days in columns:
                numbers[columns[days]] = number if LOW < number < HIGH else _clamped(number)
    if 0 in customer.visits_in:
        numbers[_EVER] = _clamped(customer.visits_in[0] + 1)
    if customer.last_visit is not None:
        last = wall_clock(customer.last_visit, scene.situation.place.zone).toordinal()
        numbers[_RECENCY] = day - last if last < day else 0
    if customer.birthday is not None:
        numbers[_IN], numbers[_AGO] = _birthday(day, customer.birthday)


@lru_cache(maxsize=4096)
def _birthday(day: int, birthday: date) -> tuple[int, int]:
    return birthday_distances(date.fromordinal(day), birthday)


def _clamped(value: int) -> int:
    """Into the matcher's range; every limit an offer can name lies well inside it."""
    return max(LOW, min(HIGH, value))
