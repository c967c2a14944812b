"""Limits: a bucket per owner and period in store time, and what a decision takes out of it."""

from datetime import UTC, datetime

import pytest

from poi_offers.limits import LimitClaim, claims, limit_key
from poi_offers.model import AmountOff, Cashback, Limit, Message, PercentOff
from poi_offers.situation import CustomerFacts
from tests.offers.making import decided, line, offer, situation

OFF = PercentOff(percent=1000)


@pytest.mark.parametrize(
    ("limit", "key"),
    [
        (Limit(of="uses", cap=1), "off_x:0:total:ever"),
        (Limit(of="uses", cap=1, period="day"), "off_x:0:total:day:2026-11-22"),
        (Limit(of="uses", cap=1, per="customer"), "off_x:0:customer:cus_1:ever"),
        (Limit(of="uses", cap=1, per="customer", period="week"), "off_x:0:customer:cus_1:week:2026-W47"),
        (Limit(of="money", cap=1, per="store", period="month"), "off_x:0:store:sto_1:month:2026-11"),
    ],
)
def test_key_names_owner_and_period(limit: Limit, key: str) -> None:
    assert limit_key(offer("off_x", OFF, limits=(limit,)), 0, situation(line("a", 100))) == key


def test_each_limit_has_a_bucket_of_its_own() -> None:
    uses, money = Limit(of="uses", cap=1), Limit(of="money", cap=1)
    assert limit_key(offer("off_x", OFF, limits=(uses, money)), 1, situation()) == "off_x:1:total:ever"


@pytest.mark.parametrize(
    ("at", "zone", "key"),
    [
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "Europe/Paris", "o:0:total:day:2026-11-23"),
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "America/New_York", "o:0:total:day:2026-11-22"),
    ],
)
def test_the_day_is_the_stores_own(at: datetime, zone: str, key: str) -> None:
    daily = offer("o", OFF, limits=(Limit(of="uses", cap=1, period="day"),))
    assert limit_key(daily, 0, situation(at=at, zone=zone)) == key


def test_weeks_are_iso_weeks_with_their_own_year() -> None:
    weekly = offer("o", OFF, limits=(Limit(of="uses", cap=1, period="week"),))
    new_year = situation(at=datetime(2027, 1, 1, 12, tzinfo=UTC))
    assert limit_key(weekly, 0, new_year) == "o:0:total:week:2026-W53"


def test_an_unknown_owner_has_no_bucket() -> None:
    personal = offer("o", OFF, limits=(Limit(of="uses", cap=1, per="customer"),))
    local = offer("o", OFF, limits=(Limit(of="uses", cap=1, per="store"),))
    assert limit_key(personal, 0, situation(customer=None)) is None
    assert limit_key(local, 0, situation(store_id=None)) is None


def test_claims_are_one_use_and_all_the_money() -> None:
    limits = (Limit(of="uses", cap=5), Limit(of="money", cap=900, per="customer"))
    given = offer("o", AmountOff(amount=120), Cashback(amount=30), limits=limits)
    free = offer("free", Message(text={"en": "hi"}), limits=(Limit(of="uses", cap=9),))
    sale = situation(line("a", 1000), customer=CustomerFacts(customer_id="cus_1"))
    decision = decided([given, free], sale)
    assert claims(decision, {"o": given, "free": free}, sale) == [
        LimitClaim(key="free:0:total:ever", cap=9, amount=1, offer_id="free"),
        LimitClaim(key="o:0:total:ever", cap=5, amount=1, offer_id="o"),
        LimitClaim(key="o:1:customer:cus_1:ever", cap=900, amount=150, offer_id="o"),
    ]
