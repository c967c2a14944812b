"""Limits: a bucket per owner and period in store time, and what a decision takes out of it."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.errors import OfferError
from poi_offers.limits import LimitClaim, claims, limit_key
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import AmountOff, Cashback, Effect, Message, PercentOff
from poi_offers.policy import Policy
from poi_offers.situation import CustomerFacts
from poi_offers.validate import check_offer
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
    gives = offer("o", AmountOff(amount=120), Cashback(amount=30), limits=limits)
    free = offer("free", Message(text={"en": "hi"}), limits=(Limit(of="uses", cap=9),))
    sale = situation(line("a", 1000), customer=CustomerFacts(customer_id="cus_1"))
    decision = decided([gives, free], sale)
    assert claims(decision, {"o": gives, "free": free}, sale) == [
        LimitClaim(key="free:0:total:ever", cap=9, amount=1, offer_id="free", of="uses"),
        LimitClaim(key="o:0:total:ever", cap=5, amount=1, offer_id="o", of="uses"),
        LimitClaim(key="o:1:customer:cus_1:ever", cap=900, amount=150, offer_id="o", of="money"),
    ]


SHARED_MONEY = Limit(of="money", cap=150, shared=True)


def of_campaign(offer_id: str, *effects: Effect, limits: tuple[Limit, ...] = (SHARED_MONEY,)) -> Offer:
    return replace(offer(offer_id, *effects, limits=limits), campaign_id="cmp_x")


def test_the_offers_of_a_campaign_share_a_bucket() -> None:
    some = [of_campaign(name, OFF, limits=(Limit(of="uses", cap=1), SHARED_MONEY)) for name in ("a", "b")]
    assert {limit_key(one, 1, situation()) for one in some} == {"cmp_x:money:total:ever"}
    assert limit_key(some[0], 0, situation()) == "a:0:total:ever"


def test_together_they_take_no_more_than_is_left() -> None:
    """Each alone would fit; of both the one that gives less goes without, and says why."""
    some = [of_campaign("a", AmountOff(amount=60)), of_campaign("b", AmountOff(amount=100))]
    found = decided(some, situation(line("a", 1000)))
    assert [(one.offer_id, one.saved) for one in found.offers] == [("b", 100)]
    assert {one.offer_id: (one.outcome, one.path) for one in found.reasons}["a"] == ("limit_reached", "$.limits[0]")
    assert not found.optimal
    wide = [replace(one, limits=(replace(SHARED_MONEY, cap=160),)) for one in some]
    fits = decided(wide, situation(line("a", 1000)))
    assert (fits.saved, fits.optimal) == (160, True)


def test_uses_are_shared_with_offers_that_cost_nothing() -> None:
    limits = (Limit(of="uses", cap=2, shared=True),)
    some = [of_campaign(name, AmountOff(amount=10), limits=limits) for name in "ab"]
    some.append(of_campaign("m", Message(text={"en": "hi"}), limits=limits))
    assert [one.offer_id for one in decided(some, situation(line("a", 1000))).offers] == ["a", "b"]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_no_sequence_of_baskets_exceeds_a_shared_limit(seed: int) -> None:
    dice, taken = Random(seed), Counter[str]()
    limits = (Limit(of="money", cap=dice.randrange(500, 2000), shared=True), Limit(of="uses", cap=7, shared=True))
    effects: list[Effect] = [PercentOff(percent=1500), AmountOff(amount=70), Cashback(amount=35), AmountOff(amount=9)]
    some = [of_campaign(f"o{n}", dice.choice(effects), limits=limits) for n in range(4)]
    for _ in range(6):
        sale = situation(line("a", dice.randrange(50, 3000)), customer=CustomerFacts(customer_id="cus_1"))
        found = decide(Catalogue(some), sale, Policy(), lambda key, cap: cap - taken[key])
        for claim in claims(found, {one.offer_id: one for one in some}, sale):
            taken[claim.key] += claim.amount
            assert taken[claim.key] <= claim.cap
    assert taken


@pytest.mark.parametrize(
    ("limit", "campaign_id", "code"),
    [
        (SHARED_MONEY, None, "shared_without_campaign"),
        (Limit(of="money", cap=5), "cmp_x", "limit_without_money"),
    ],
)
def test_what_cannot_be_shared_is_refused(limit: Limit, campaign_id: str | None, code: str) -> None:
    hello = replace(offer("o", Message(text={"en": "hi"}), limits=(limit,)), campaign_id=campaign_id)
    with pytest.raises(OfferError) as refused:
        check_offer(hello)
    assert refused.value.code == code
