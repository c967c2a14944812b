"""Every leaf by table: when it is true, false and unknown, and how far it is from true."""

from datetime import UTC, date, datetime, timedelta

import pytest

from poi_offers.eligibility import judge
from poi_offers.offer_conditions import (
    BinPrefix,
    Birthday,
    Bundle,
    BundleItem,
    CardScheme,
    CardType,
    Channel,
    Circle,
    Code,
    Condition,
    Dates,
    EntryMode,
    FirstPurchase,
    Frequency,
    InSegment,
    NthVisit,
    Partner,
    PointsBalance,
    Polygon,
    Quantity,
    Recency,
    Recurrence,
    Region,
    Spend,
    Stores,
    Subtotal,
    TierIs,
    Weekly,
    WeeklyWindow,
)
from poi_offers.offer_parts import Selector
from poi_offers.situation import Place, Situation
from tests.offers.scenes import NOON, PARIS, at, card, line, somebody

NOWHERE = Place(zone="Europe/Paris")
SQUARE = ((2.3, 48.8), (2.4, 48.8), (2.4, 48.9), (2.3, 48.9), (2.3, 48.8))
HOLE = ((2.35, 48.85), (2.36, 48.85), (2.36, 48.86), (2.35, 48.86), (2.35, 48.85))
LUNCH = Weekly(windows=(WeeklyWindow(days=(7,), start="12:00", end="14:00"),))
NIGHT = Weekly(windows=(WeeklyWindow(days=(6,), start="22:00", end="02:00"),))
WHOLE_SUNDAY = Weekly(windows=(WeeklyWindow(days=(7,), start="00:00", end="00:00"),))
SUNDAYS = Recurrence(rrule="FREQ=WEEKLY;BYDAY=SU", start=datetime.fromisoformat("2026-01-01T11:30"), minutes=60)
MACARONS = Selector(categories=("food/pastry",), exclude_products=("m2",))
BASKET = (
    line("m1", 450, 2000, category="food/pastry/macaron"),
    line("m2", 800, category="food/pastry"),
    line("c1", 250, 1500, brand="acme", category="drink/hot"),
)
MENU = Bundle(of=(BundleItem(items=Selector(products=("m1",))), BundleItem(items=Selector(categories=("drink",)))))
TWO_OF_ONE = Bundle(
    of=(
        BundleItem(items=Selector(products=("m1", "c1")), quantity=2000),
        BundleItem(items=Selector(products=("m1",)), quantity=1000),
    )
)

CASES: list[tuple[Condition, Situation, bool | None]] = [
    # place
    (Circle(lat=48.8566, lon=2.3522, radius=1), at(), True),
    (Circle(lat=48.8656, lon=2.3522, radius=1000), at(), False),
    (Circle(lat=48.8656, lon=2.3522, radius=1002), at(), True),
    (Circle(lat=48.8566, lon=2.3522, radius=1), at(place=NOWHERE), None),
    (Polygon(rings=(SQUARE,)), at(), True),
    (Polygon(rings=(SQUARE, HOLE)), at(), False),
    (Polygon(rings=(SQUARE, HOLE)), at(place=Place(zone="UTC", lat=48.85, lon=2.355)), True),
    (Polygon(rings=(SQUARE,)), at(place=NOWHERE), None),
    (Stores(any_of=("sto_paris",)), at(), True),
    (Stores(any_of=("sto_lyon",)), at(), False),
    (Stores(any_of=("sto_lyon",)), at(place=NOWHERE), None),
    (Region(any_of=("FR",)), at(), True),
    (Region(any_of=("FR-75", "DE")), at(), True),
    (Region(any_of=("FR-7", "F")), at(), False),
    (Region(any_of=("FR",)), at(place=NOWHERE), None),
    (Region(any_of=("FR",)), at(place=Place(zone="UTC", regions=("FR-75",))), True),
    (Region(any_of=("FR",)), at(place=Place(zone="UTC", store_id="sto_sea")), False),
    # time
    (Dates(first=date(2026, 11, 22), last=date(2026, 11, 22)), at(), True),
    (Dates(first=date(2026, 11, 23)), at(), False),
    (Dates(last=date(2026, 11, 21)), at(), False),
    (Dates(first=date(2026, 11, 23)), at(NOON + timedelta(hours=12)), True),
    (LUNCH, at(), True),
    (LUNCH, at(NOON - timedelta(minutes=1)), False),
    (LUNCH, at(NOON + timedelta(hours=2)), False),
    (NIGHT, at(NOON - timedelta(hours=10, minutes=1)), True),
    (NIGHT, at(NOON - timedelta(hours=10)), False),
    (NIGHT, at(NOON + timedelta(hours=10)), False),
    (WHOLE_SUNDAY, at(NOON + timedelta(hours=11, minutes=59)), True),
    (WHOLE_SUNDAY, at(NOON + timedelta(hours=12)), False),
    (SUNDAYS, at(), True),
    (SUNDAYS, at(NOON + timedelta(minutes=30)), False),
    (SUNDAYS, at(NOON + timedelta(days=1)), False),
    # customer
    (TierIs(any_of=("gold",)), somebody(tier="gold"), True),
    (TierIs(any_of=("gold",)), somebody(tier="silver"), False),
    (TierIs(any_of=("gold",)), somebody(), None),
    (TierIs(any_of=("gold",)), at(), None),
    (InSegment(any_of=("a", "b")), somebody(segments=("b", "c")), True),
    (InSegment(any_of=("a", "b"), none_of=("c",)), somebody(segments=("b", "c")), False),
    (InSegment(none_of=("c",)), somebody(), True),
    (InSegment(any_of=("a",)), somebody(), False),
    (InSegment(none_of=("c",)), at(), None),
    (Birthday(), somebody(birthday=date(1990, 11, 22)), True),
    (Birthday(before=3), somebody(birthday=date(1990, 11, 25)), True),
    (Birthday(before=2), somebody(birthday=date(1990, 11, 25)), False),
    (Birthday(after=3), somebody(birthday=date(1990, 11, 19)), True),
    (Birthday(), somebody(), None),
    (Birthday(), at(), None),
    (NthVisit(n=3), somebody(visits_in={0: 2}), True),
    (NthVisit(n=3), somebody(visits_in={0: 5}), False),
    (NthVisit(n=3, every=True), somebody(visits_in={0: 5}), True),
    (NthVisit(n=3, every=True), somebody(visits_in={0: 6}), False),
    (NthVisit(n=3), somebody(visits_in={7: 2}), None),
    (Recency(min_days=30), somebody(last_visit=NOON - timedelta(days=30)), True),
    (Recency(max_days=30), somebody(last_visit=NOON - timedelta(days=31)), False),
    (Recency(max_days=0), somebody(last_visit=NOON - timedelta(hours=11)), True),
    (Recency(max_days=0), somebody(last_visit=NOON - timedelta(hours=13)), False),
    (Recency(max_days=0), somebody(last_visit=NOON + timedelta(days=1)), True),
    (Recency(min_days=30), somebody(), None),
    (Frequency(min=2, max=4, days=30), somebody(visits_in={30: 4}), True),
    (Frequency(min=2, max=4, days=30), somebody(visits_in={30: 5}), False),
    (Frequency(max=4, days=7), somebody(visits_in={30: 4}), None),
    (Frequency(max=0), somebody(visits_in={0: 0}), True),
    (Spend(min=1000, days=90), somebody(spend_in={90: 1000}), True),
    (Spend(min=1000, days=90), somebody(spend_in={90: 999}), False),
    (Spend(min=1000, days=90), somebody(), None),
    (Spend(min=1000, days=90), at(), None),
    (FirstPurchase(), somebody(visits_in={0: 0}), True),
    (FirstPurchase(), somebody(visits_in={0: 1}), False),
    (FirstPurchase(), somebody(), None),
    (PointsBalance(min=10, max=20), somebody(points=20), True),
    (PointsBalance(min=10, max=20), somebody(points=9), False),
    (PointsBalance(min=0), at(), None),
    # basket: 900 + 800 + 375
    (Subtotal(min=2075, max=2075), at(items=BASKET), True),
    (Subtotal(min=2076), at(items=BASKET), False),
    (Subtotal(max=100), at(), True),
    (Subtotal(min=900, max=900, items=MACARONS), at(items=BASKET), True),
    (Subtotal(min=375, items=Selector(brands=("acme",))), at(items=BASKET), True),
    (Subtotal(min=1, items=Selector(categories=("foo",))), at(items=BASKET), False),
    (Quantity(min=4500), at(items=BASKET), True),
    (Quantity(min=2001, items=MACARONS), at(items=BASKET), False),
    (Quantity(max=1000, items=Selector(products=("m2",))), at(items=BASKET), True),
    (MENU, at(items=BASKET), True),
    (MENU, at(items=BASKET[:2]), False),
    (TWO_OF_ONE, at(items=BASKET), True),
    (TWO_OF_ONE, at(items=BASKET[:1]), False),
    # payment
    (CardScheme(any_of=("cb", "visa")), card(scheme="visa"), True),
    (CardScheme(any_of=("cb",)), card(scheme="visa"), False),
    (CardScheme(any_of=("cb",)), card(), None),
    (CardScheme(any_of=("cb",)), at(), None),
    (CardType(any_of=("debit",)), card(card_type="debit"), True),
    (CardType(any_of=("debit",)), card(card_type="credit"), False),
    (CardType(any_of=("debit",)), card(), None),
    (BinPrefix(any_of=("4970", "51")), card(bin="49701012"), True),
    (BinPrefix(any_of=("4970", "51")), card(bin="52"), False),
    (BinPrefix(any_of=("4970", "51")), card(bin="49"), None),
    (BinPrefix(any_of=("4970",)), card(bin=""), None),
    (BinPrefix(any_of=("4970",)), card(), None),
    (EntryMode(any_of=("contactless",)), card(entry_mode="contactless"), True),
    (EntryMode(any_of=("contactless",)), card(entry_mode="chip"), False),
    (EntryMode(any_of=("contactless",)), at(), None),
    # channel, partner, code
    (Channel(any_of=("counter",)), at(), True),
    (Channel(any_of=("phone",)), at(), False),
    (Partner(any_of=("par_a",)), at(partner="par_a"), True),
    (Partner(any_of=("par_a",)), at(partner="par_b"), False),
    (Partner(any_of=("par_a",)), at(), None),
    (Code(any_of=("Été 26",)), at(codes=("  éTÉ 26 ",)), True),
    (Code(any_of=("Été 26",)), at(codes=("winter",)), False),
    (Code(any_of=("Été 26",)), at(), None),
]


@pytest.mark.parametrize(("condition", "situation", "truth"), CASES)
def test_leaf(condition: Condition, situation: Situation, truth: bool | None) -> None:
    verdict = judge(condition, situation)
    assert verdict.truth is truth
    assert verdict.path == (None if truth else "$.conditions")


NEAR_MISSES: list[tuple[Condition, Situation, tuple[str, int] | None]] = [
    (Subtotal(min=2400), at(items=BASKET), ("subtotal", 325)),
    (Subtotal(max=2000), at(items=BASKET), None),
    (Quantity(min=5000), at(items=BASKET), ("quantity", 500)),
    (TWO_OF_ONE, at(items=BASKET[:1]), ("item", 1000)),
    (PointsBalance(min=100), somebody(points=60), ("points", 40)),
    (NthVisit(n=5), somebody(visits_in={0: 1}), ("visits", 3)),
    (NthVisit(n=5), somebody(visits_in={0: 5}), None),
    (NthVisit(n=5, every=True), somebody(visits_in={0: 5}), ("visits", 4)),
    (Frequency(min=5), somebody(visits_in={0: 3}), ("visits", 2)),
    (Circle(lat=48.8656, lon=2.3522, radius=900), at(), ("distance", 101)),
    (TierIs(any_of=("gold",)), at(), ("identity", 0)),
    (CardScheme(any_of=("cb",)), at(), ("card", 0)),
    (BinPrefix(any_of=("4970",)), card(bin="49"), ("card", 0)),
    (Code(any_of=("a",)), at(), ("code", 0)),
    (Code(any_of=("a",)), at(codes=("b",)), ("code", 0)),
    (Stores(any_of=("sto_lyon",)), at(), None),
]


@pytest.mark.parametrize(("condition", "situation", "expected"), NEAR_MISSES)
def test_near_miss(condition: Condition, situation: Situation, expected: tuple[str, int] | None) -> None:
    near_miss = judge(condition, situation).near_miss
    assert (near_miss and (near_miss.what, near_miss.missing)) == expected


@pytest.mark.parametrize(
    ("today", "truth"),
    [
        (date(2027, 2, 28), True),
        (date(2027, 3, 1), False),
        (date(2028, 2, 28), False),
        (date(2028, 2, 29), True),
    ],
)
def test_born_on_29_february(today: date, truth: bool) -> None:
    customer = somebody(birthday=date(1996, 2, 29)).customer
    moment = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    assert judge(Birthday(), at(moment, customer=customer)).truth is truth


def test_a_birthday_across_new_year() -> None:
    customer = somebody(birthday=date(1990, 1, 2)).customer
    eve = at(datetime(2026, 12, 31, 12, tzinfo=UTC), customer=customer)
    assert judge(Birthday(before=2), eve).truth is True
    assert judge(Birthday(before=1), eve).truth is False


def test_the_store_s_calendar_counts_not_utc() -> None:
    auckland = Place(zone="Pacific/Auckland", store_id="sto_nz")
    new_year = Dates(first=date(2027, 1, 1))
    moment = datetime(2026, 12, 31, 11, 0, tzinfo=UTC)
    assert judge(new_year, at(moment, place=auckland)).truth is True
    assert judge(new_year, at(moment, place=PARIS)).truth is False
