"""A proof of identity ages: ten minutes after the code was shown it spends nothing, until it is shown again."""

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.checkout.frozen import SURE_US, is_sure
from poi_engine.errors import Forbidden
from poi_engine.session import Identity, Session
from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.engine.test_identification import phone, token

pytestmark = pytest.mark.valkey
MINUTES = SURE_US / 60e6


def identity(assurance: str, proved_at: int | None) -> Identity:
    """Somebody."""
    return Identity(
        customer_id="cus_1",
        display_name="",
        pseudonym=True,
        scheme="poi1",
        assurance=assurance,
        source="t",
        proved_at=proved_at,
    )


@pytest.mark.parametrize("assurance", ["authenticate", "staff"])
def test_a_proof_is_good_for_ten_minutes(assurance: str) -> None:
    assert MINUTES == 10
    assert is_sure(identity(assurance, 1), SURE_US)
    assert not is_sure(identity(assurance, 0), SURE_US)
    assert is_sure(identity(assurance, None), SURE_US), "a record of before proofs had times"
    assert not is_sure(identity("identify", SURE_US), SURE_US)
    assert not is_sure(None, 0)


async def with_points(shop: Shop) -> str:
    """A customer with 30 points and 9.00 of stored value, and a reward for 5 points."""
    reward = Offer(
        offer_id="off_reward",
        name={"en": "Reward"},
        currency="EUR",
        effects=(AmountOff(amount=100),),
        reward_points=5,
    )
    await shop.engine.offers.create(M, reward)
    customer = await phone(shop)
    await shop.sell(3000, customer_id=customer)
    return customer


async def asked(shop: Shop, nonce: int) -> Session:
    """A session whose customer showed their code and asks for the reward."""
    await shop.basket(600)
    session = await shop.engine.stations.present(M, STATION, token(shop, nonce=nonce))
    entries = [BasketEntry(amount=600)]
    return await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))


async def test_an_old_proof_spends_no_points_until_the_code_is_shown_again(shop: Shop) -> None:
    await with_points(shop)
    session = await asked(shop, 1)
    assert session.decision is not None
    assert session.decision.total == 500
    shop.clock.forward(MINUTES * 60)
    with pytest.raises(Forbidden) as refused:
        await shop.accept(session)
    assert refused.value.code == "assurance-needed"
    again = await shop.engine.stations.decide_again(M, session.session_id)
    assert again.decision is not None
    assert again.decision.total == 600, "what is shown counts the reward no more"
    shown = await shop.engine.stations.present(M, STATION, token(shop, nonce=2))
    assert shown.decision is not None
    assert shown.decision.total == 500
    assert (await shop.pay(await shop.accept(shown), "cash")).state == "paid"


async def test_staff_confirm_again(shop: Shop) -> None:
    await with_points(shop)
    session = await asked(shop, 1)
    shop.clock.forward(MINUTES * 60)
    confirmed = await shop.engine.stations.confirm_identity(M, session.session_id, SELLER)
    assert confirmed.decision is not None
    assert confirmed.decision.total == 500
    assert (await shop.pay(await shop.accept(confirmed), "cash")).state == "paid"


async def test_what_was_accepted_in_time_is_paid_after(shop: Shop) -> None:
    await with_points(shop)
    accepted = await shop.accept(await asked(shop, 1))
    shop.clock.forward(MINUTES * 60)
    assert (await shop.pay(accepted, "cash")).state == "paid"


async def test_a_weaker_sign_keeps_a_fresh_proof_and_not_an_old_one(shop: Shop) -> None:
    customer = await with_points(shop)
    session = await asked(shop, 1)
    kept = await shop.identify(session, customer, assurance="identify")
    assert kept.identity is not None
    assert kept.identity.assurance == "authenticate"
    shop.clock.forward(MINUTES * 60)
    lowered = await shop.identify(kept, customer, assurance="identify")
    assert lowered.identity is not None
    assert lowered.identity.assurance == "identify"
