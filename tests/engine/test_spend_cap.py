"""Above the merchant's cap a customer's points and stored value are spent with their own word only, once."""

import asyncio

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.checkout.confirmation import ASK_US, Question, face_value
from poi_engine.errors import RequestError
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_engine.staff.pins import TRIES
from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff, Cashback
from poi_offers.policy import Policy
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
OWNER = Principal(merchant_id=M, access_id="acc_owner", role="owner", subject_id="owner")
PIN = "5093"


def test_points_are_worth_what_the_programme_says_rounded_up() -> None:
    assert face_value(60, Policy()) == 60
    assert face_value(3, Policy(point_value=500)) == 2
    assert face_value(0, Policy()) == 0


@pytest.fixture
async def rich(shop: Shop) -> str:
    """A customer with 100 points and 90.00 of stored value, a reward for 60 points, and a cap of 0.50."""
    gives = Offer(offer_id="off_gives", name={"en": "x"}, currency="EUR", effects=(Cashback(amount=9000),))
    await shop.engine.offers.create(M, gives)
    customer_id = await shop.customer()
    await shop.sell(10_000, customer_id=customer_id)
    await shop.engine.offers.remove(M, "off_gives")
    reward = Offer(
        offer_id="off_reward", name={"en": "x"}, currency="EUR", effects=(AmountOff(amount=100),), reward_points=60
    )
    await shop.engine.offers.create(M, reward)
    await shop.engine.confirmations.set_cap(M, 50, by=OWNER)
    return customer_id


def own_phone(customer_id: str) -> Principal:
    """The customer's."""
    return Principal(merchant_id=M, access_id="acc_phone", role="phone", subject_id=customer_id)


async def wanted(shop: Shop, customer_id: str, amount: int = 600, *, reward: bool = True) -> Session:
    """A basket of an identified customer, with the reward asked for."""
    session = await shop.identify(await shop.basket(amount), customer_id)
    rewards = ("off_reward",) if reward else ()
    entries = [BasketEntry(amount=amount)]
    return await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=rewards)


async def asked(shop: Shop, session: Session) -> Question:
    """What the customer is asked when the session is accepted."""
    with pytest.raises(RequestError) as refused:
        await shop.accept(session)
    assert (refused.value.code, refused.value.status) == ("confirmation-required", 409)
    question = await shop.engine.confirmations.of_session(M, session.session_id)
    assert question is not None
    return question


async def answer(shop: Shop, question: Question, customer_id: str, *, yes: bool = True) -> Question:
    """The customer's word on their phone."""
    return await shop.engine.confirmations.answer(M, question.confirmation_id, yes, by=own_phone(customer_id))


async def code_of(shop: Shop, session: Session) -> str:
    """How an acceptance is refused; nothing when it is not."""
    try:
        await shop.accept(await shop.engine.stations.get(M, session.session_id))
    except RequestError as error:
        return error.code
    return ""


async def test_points_above_the_cap_wait_for_the_customers_yes(shop: Shop, rich: str) -> None:
    session = await wanted(shop, rich)
    question = await asked(shop, session)
    assert (question.amount, question.total, question.state) == (60, 500, "asked")
    assert (rich, "confirm") in shop.seen.notices, "the phone is told"
    assert await shop.engine.confirmations.of_customer(M, rich) == question
    assert await shop.balance(f"points:{rich}") == 100, "nothing is held before"
    assert (await answer(shop, question, rich)).state == "given"
    told = await shop.engine.stations.get(M, session.session_id)
    assert told.notice is not None
    assert told.notice.code == "spending-given", "the counter is told"
    assert (await shop.pay(await shop.accept(told), "cash")).state == "paid"
    rows = await shop.rows("select who, subject_id, why from audit where act = 'confirm-spending'")
    why = f"60 in a sale of 500 EUR, by phone; {session.session_id}"
    assert rows == [{"who": f"phone:{rich}", "subject_id": rich, "why": why}]


async def test_up_to_the_cap_nobody_is_asked(shop: Shop, rich: str) -> None:
    await shop.engine.confirmations.set_cap(M, 60, by=OWNER)
    assert (await shop.pay(await shop.accept(await wanted(shop, rich)), "cash")).state == "paid"
    await shop.engine.confirmations.set_cap(M, None, by=OWNER)
    assert (await shop.pay(await shop.accept(await wanted(shop, rich, 5000, reward=False)), "wallet")).state == "paid"


async def test_a_merchant_starts_with_a_cap_of_fifty(shop: Shop) -> None:
    assert await shop.engine.confirmations.cap(M) == 5000
    await shop.engine.confirmations.set_cap(M, 0, by=OWNER)
    assert await shop.engine.confirmations.cap(M) == 0


async def test_stored_value_and_points_count_together_when_the_wallet_pays(shop: Shop, rich: str) -> None:
    await shop.engine.confirmations.set_cap(M, 60, by=OWNER)
    accepted = await shop.accept(await wanted(shop, rich))
    with pytest.raises(RequestError) as refused:
        await shop.pay(accepted, "wallet", "one-key")
    assert refused.value.code == "confirmation-required"
    question = await shop.engine.confirmations.of_session(M, accepted.session_id)
    assert question is not None
    assert (question.amount, question.total) == (560, 500)
    await answer(shop, question, rich)
    assert (await shop.pay(accepted, "wallet", "one-key")).state == "paid", "the same key goes on"


async def test_a_word_is_for_its_session_and_its_total(shop: Shop, rich: str) -> None:
    first = await wanted(shop, rich)
    await answer(shop, await asked(shop, first), rich)
    other = await wanted(shop, rich, 700)
    again = await asked(shop, other)
    assert (again.total, again.state) == (600, "asked"), "another total"
    await shop.engine.stations.abandon(M, other.session_id)
    assert await code_of(shop, await wanted(shop, rich)) == "confirmation-required", "another session"


async def test_no_means_no_and_is_final(shop: Shop, rich: str) -> None:
    session = await wanted(shop, rich)
    question = await asked(shop, session)
    assert (await answer(shop, question, rich, yes=False)).state == "refused"
    with pytest.raises(RequestError) as late:
        await answer(shop, question, rich)
    assert late.value.code == "confirmation-answered"
    assert await code_of(shop, session) == "confirmation-required"
    assert len(await shop.rows("select * from audit where act = 'refuse-spending'")) == 1


async def test_the_same_word_twice_is_one_word(shop: Shop, rich: str) -> None:
    question = await asked(shop, await wanted(shop, rich))
    words = await asyncio.gather(*(answer(shop, question, rich) for _ in range(4)))
    assert {word.state for word in words} == {"given"}
    assert len(await shop.rows("select * from audit where act = 'confirm-spending'")) == 1
    assert await shop.engine.confirmations.of_customer(M, rich) is None


async def test_the_same_question_is_asked_once(shop: Shop, rich: str) -> None:
    session = await wanted(shop, rich)
    first = await asked(shop, session)
    assert (await asked(shop, session)).confirmation_id == first.confirmation_id


async def test_nobody_answers_for_somebody_else(shop: Shop, rich: str) -> None:
    question = await asked(shop, await wanted(shop, rich))
    with pytest.raises(RequestError) as refused:
        await answer(shop, question, await shop.customer("Eve"))
    assert refused.value.code == "not-found"
    assert await shop.engine.confirmations.of_customer(M, rich) == question


async def test_a_question_and_its_word_expire(shop: Shop, rich: str) -> None:
    session = await wanted(shop, rich)
    question = await asked(shop, session)
    shop.clock.forward(ASK_US / 1e6)
    with pytest.raises(RequestError) as late:
        await answer(shop, question, rich)
    assert (late.value.code, late.value.status) == ("confirmation-expired", 410)
    await answer(shop, await asked(shop, session), rich)
    shop.clock.forward(ASK_US / 1e6)
    await shop.identify(session, rich)  # the proof of who they are has aged as well
    assert await code_of(shop, session) == "confirmation-required"


async def test_a_word_is_used_up_and_good_again_when_nothing_was_spent(shop: Shop, rich: str) -> None:
    session = await wanted(shop, rich, 1205)
    await answer(shop, await asked(shop, session), rich)
    accepted = await shop.accept(await shop.engine.stations.get(M, session.session_id))
    used = "select * from confirmation where checkout_id is not null"
    assert len(await shop.rows(used)) == 1
    assert (await shop.pay(accepted, "card")).state == "declined"
    assert await shop.rows(used) == []
    again = await shop.accept(await shop.engine.stations.get(M, session.session_id))
    assert (await shop.pay(again, "cash")).state == "paid"
    assert len(await shop.rows(used)) == 1


class TestThePin:
    async def test_the_customers_own_pin_confirms_at_the_counter(self, shop: Shop, rich: str) -> None:
        service = shop.engine.confirmations
        await service.set_pin(M, PIN, by=own_phone(rich))
        session = await wanted(shop, rich)
        assert (await asked(shop, session)).has_pin
        given = await service.by_pin(M, session.session_id, PIN, by=SELLER)
        assert given.state == "given"
        assert await code_of(shop, session) == ""
        rows = await shop.rows("select who, why from audit where act = 'confirm-spending'")
        assert rows == [{"who": SELLER.who, "why": f"60 in a sale of 500 EUR, by pin; {session.session_id}"}]
        assert PIN not in str(await shop.rows("select * from customer_pin"))

    async def test_wrong_ones_are_on_record_and_then_have_to_wait(self, shop: Shop, rich: str) -> None:
        service = shop.engine.confirmations
        await service.set_pin(M, PIN, by=own_phone(rich))
        session = await wanted(shop, rich)
        question = await asked(shop, session)
        codes = []
        for pin in ["9999"] * TRIES + [PIN]:
            with pytest.raises(RequestError) as refused:
                await service.by_pin(M, session.session_id, pin, by=SELLER)
            codes.append(refused.value.code)
        assert codes == ["pin-wrong"] * TRIES + ["pin-locked"]
        assert len(await shop.rows("select * from audit where act = 'pin-wrong'")) == TRIES
        assert (await answer(shop, question, rich)).state == "given", "the phone still does"

    async def test_without_one_only_the_phone_confirms(self, shop: Shop, rich: str) -> None:
        service = shop.engine.confirmations
        session = await wanted(shop, rich)
        await asked(shop, session)
        for _ in range(2):
            with pytest.raises(RequestError) as refused:
                await service.by_pin(M, session.session_id, PIN, by=SELLER)
            assert refused.value.code == "pin-wrong"
            await service.set_pin(M, PIN, by=own_phone(rich))
            assert await service.has_pin(M, rich)
            await service.remove_pin(M, by=own_phone(rich))
            assert not await service.has_pin(M, rich)

    async def test_nothing_asked_is_nothing_to_confirm(self, shop: Shop, rich: str) -> None:
        session = await wanted(shop, rich)
        with pytest.raises(RequestError) as refused:
            await shop.engine.confirmations.by_pin(M, session.session_id, PIN, by=SELLER)
        assert refused.value.code == "nothing-asked"


async def test_who_was_merged_since_confirms_as_who_lives_on(shop: Shop, rich: str) -> None:
    session = await wanted(shop, rich)
    question = await asked(shop, session)
    lives = await shop.customer("Ada L.")
    await shop.engine.clientele.merges.merge(M, lives, rich, key="merge", by=OWNER)
    assert (await answer(shop, question, lives)).state == "given"
    await shop.engine.stations.decide_again(M, session.session_id)
    assert await code_of(shop, session) == ""


async def test_erasing_a_customer_forgets_their_pin_and_what_they_were_asked(shop: Shop, rich: str) -> None:
    await shop.engine.confirmations.set_pin(M, PIN, by=own_phone(rich))
    session = await wanted(shop, rich)
    await asked(shop, session)
    await shop.engine.stations.abandon(M, session.session_id)
    await shop.engine.customers.erase(M, rich, by=OWNER)
    assert await shop.rows("select * from customer_pin") == []
    assert await shop.rows("select * from confirmation") == []
