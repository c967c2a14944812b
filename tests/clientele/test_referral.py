"""A friend brings a friend: both rewarded, once, and nobody by themselves."""

import asyncio

import pytest

from poi_engine.clientele.referral import mark_phone, phone_digest
from poi_engine.errors import RequestError
from poi_engine.ports import Job
from poi_engine.principal import Principal
from poi_engine.settings import ReferralProgramme
from poi_offers.offer_conditions import InSegment
from poi_offers.offer_effects import AmountOff
from tests.clientele.test_merge import MANAGER, merge, offer
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop

PARTNER = Principal(merchant_id=M, access_id="acc_app", role="partner", subject_id="par_1")


async def programme(shop: Shop, **changes: int) -> None:
    """Two euros for the friend, three for who sent them."""
    for offer_id, amount in (("off_friend", 200), ("off_thanks", 300)):
        await offer(shop, offer_id, AmountOff(amount=amount), conditions=InSegment(any_of=(f"coupon:{offer_id}",)))
    rule = ReferralProgramme(open=True, friend_offer_id="off_friend", referrer_offer_id="off_thanks", **changes)
    await shop.engine.clientele.referrals.change(M, rule, by=MANAGER)


async def code_of(shop: Shop, customer_id: str) -> str:
    """The customer's code."""
    return (await shop.engine.clientele.referrals.of(M, customer_id)).code


async def coupons(shop: Shop, customer_id: str) -> list[object]:
    """The offers that the customer has a good coupon for."""
    rows = await shop.rows(
        "select offer_id from coupon where customer_id = ? and used_at is null and voided_at is null", (customer_id,)
    )
    return [row["offer_id"] for row in rows]


async def test_both_are_rewarded_with_the_friends_first_sale_and_once(shop: Shop) -> None:
    await programme(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    code = await code_of(shop, ada)
    assert await code_of(shop, ada) == code
    await shop.engine.clientele.referrals.give(M, bo, code.upper(), by=SELLER)
    assert await coupons(shop, ada) == await coupons(shop, bo) == [], "not before the sale"
    first = await shop.sell(1000, customer_id=bo)
    assert (await coupons(shop, ada), await coupons(shop, bo)) == (["off_thanks"], ["off_friend"])
    second = await shop.sell(1000, customer_id=bo)
    assert second.decision is not None
    assert second.decision.saved == 200
    assert (await coupons(shop, ada), await coupons(shop, bo)) == (["off_thanks"], [])
    assert (await shop.engine.clientele.referrals.of(M, ada)).rewards == 1
    assert first.sale_id


async def test_a_first_sale_brought_back_takes_the_rewards_with_it(shop: Shop) -> None:
    await programme(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    await shop.engine.clientele.referrals.give(M, bo, await code_of(shop, ada), by=SELLER)
    sold = await shop.sell(1000, customer_id=bo)
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key="r", by=SELLER)
    assert await coupons(shop, ada) == await coupons(shop, bo) == []


async def refused(shop: Shop, customer_id: str, code: str) -> str:
    """Why the code is refused."""
    with pytest.raises(RequestError) as error:
        await shop.engine.clientele.referrals.give(M, customer_id, code, by=SELLER)
    return error.value.code


async def test_a_code_is_given_once_before_the_first_sale_and_not_by_oneself(shop: Shop) -> None:
    ada, bo, cy = [await shop.customer(name) for name in ("Ada", "Bo", "Cy")]
    assert await refused(shop, bo, "abcdefgh") == "no-referrals"
    await programme(shop)
    code = await code_of(shop, ada)
    assert await refused(shop, bo, "abcdefgh") == "not-found"
    assert await refused(shop, ada, code) == "referred-oneself"
    await shop.engine.clientele.referrals.give(M, bo, code, by=SELLER)
    assert await refused(shop, bo, code) == "referred-before"
    await shop.sell(500, customer_id=cy)
    assert await refused(shop, cy, code) == "not-new"


async def test_the_same_phone_or_card_is_not_a_friend(shop: Shop) -> None:
    await programme(shop)
    ada, bo, cy = [await shop.customer(name) for name in ("Ada", "Bo", "Cy")]
    code = await code_of(shop, ada)
    for customer in (ada, bo):
        await shop.sql.write(lambda customer=customer: _mark(customer))  # type: ignore[misc]
    assert await refused(shop, bo, code) == "referred-oneself", "Ada's phone"
    await shop.engine.customers.link_credential(M, cy, "loyalty", "LOYAL-3")
    await shop.engine.clientele.referrals.give(M, cy, code, by=SELLER)
    await shop.engine.customers.erase(M, cy, by=MANAGER)
    again = (await shop.engine.customers.by_credential(M, "loyalty", "LOYAL-3", create=True)).customer_id  # type: ignore[union-attr]
    assert await refused(shop, again, code) == "referred-oneself", "the card of a friend who came before"


def _mark(customer_id: str) -> Job[None]:
    yield mark_phone(M, phone_digest("cookie"), customer_id, 1)


async def test_the_limit_is_of_the_person_over_all_codes_that_are_theirs(shop: Shop) -> None:
    """Two records, each with a code, became one: together they bring as many friends as one may."""
    await programme(shop, most=2)
    ada, bo, *friends = [await shop.customer(name) for name in ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")]
    codes = [await code_of(shop, ada), await code_of(shop, bo)]
    assert codes[0] != codes[1]
    for number, friend in enumerate(friends[:3]):
        await shop.engine.clientele.referrals.give(M, friend, codes[number % 2], by=SELLER)
    await merge(shop, ada, bo)
    for friend in friends[:3]:
        await shop.sell(1000, customer_id=friend)
    assert await coupons(shop, ada) == ["off_thanks"] * 2
    assert (await shop.engine.clientele.referrals.of(M, ada)).rewards == 2
    for code in codes:
        assert await refused(shop, friends[3], code) == "referral-limit"


async def test_a_code_brings_no_more_friends_than_the_programme_rewards(shop: Shop) -> None:
    await programme(shop, most=1)
    ada, bo, cy, di = [await shop.customer(name) for name in ("Ada", "Bo", "Cy", "Di")]
    code = await code_of(shop, ada)
    for friend in (bo, cy):
        await shop.engine.clientele.referrals.give(M, friend, code, by=SELLER)
    here = await shop.accept(await shop.identify(await shop.basket(1000), bo))
    there = await shop.accept(await shop.identify(await shop.basket(1000, station=OTHER_STATION), cy))
    await asyncio.gather(shop.pay(here), shop.pay(there))
    assert await coupons(shop, ada) == ["off_thanks"], "two friends at once, one reward"
    assert await coupons(shop, bo) == await coupons(shop, cy) == ["off_friend"]
    assert await refused(shop, di, code) == "referral-limit"


async def test_a_programme_names_offers_that_exist(shop: Shop) -> None:
    with pytest.raises(RequestError) as unknown:
        rule = ReferralProgramme(open=True, friend_offer_id="off_nowhere")
        await shop.engine.clientele.referrals.change(M, rule, by=MANAGER)
    assert (unknown.value.code, unknown.value.path) == ("unknown-offer", "$.friend_offer_id")
