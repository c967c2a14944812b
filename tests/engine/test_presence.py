"""Staff cannot make a customer be there: a card that they linked themselves proves nothing by itself."""

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.clientele.customers import COOLING_OFF_US
from poi_engine.clock import micros
from poi_engine.errors import RequestError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import OTHER_STATION, SELLER, STATION, Card, M, Shop
from tests.engine.test_identification import phone, token

pytestmark = pytest.mark.valkey
OWNER = Principal(merchant_id=M, access_id="acc_owner", role="owner", subject_id="owner")
CARD = Card("ndef", "LOYAL-FOUND")


async def rich(shop: Shop) -> str:
    """A customer with a phone and 30 points, and a reward for 5 of them."""
    reward = Offer(
        offer_id="off_reward", name={"en": "x"}, currency="EUR", effects=(AmountOff(amount=100),), reward_points=5
    )
    await shop.engine.offers.create(M, reward)
    customer_id = await phone(shop)
    await shop.sell(3000, customer_id=customer_id)
    return customer_id


async def linked(shop: Shop, by: Principal = SELLER) -> str:
    """The customer, to whom somebody of the staff linked a card of their own."""
    customer_id = await rich(shop)
    await shop.engine.customers.link_credential(M, customer_id, "loyalty", CARD.subject, by=by)
    return customer_id


async def tapped(shop: Shop, station: str = STATION) -> Session:
    """A session in which the card was read."""
    shop.clock.forward(5)
    return await shop.engine.stations.present(M, station, CARD)


async def refusal(shop: Shop, session: Session, approval_id: str | None = None) -> str:
    """How a seller's confirmation is refused; nothing when it is not."""
    try:
        await shop.engine.stations.confirm_identity(M, session.session_id, SELLER, approval_id=approval_id)
    except RequestError as error:
        return error.code
    return ""


async def test_a_card_that_a_seller_linked_is_not_confirmed_by_a_seller_alone(shop: Shop) -> None:
    customer_id = await linked(shop)
    session = await tapped(shop)
    assert session.identity is not None
    assert (session.identity.customer_id, session.identity.unproved) == (customer_id, True)
    assert await refusal(shop, session) == "approval-needed"
    entries = [BasketEntry(amount=600)]
    asked = await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
    assert asked.decision is not None
    assert asked.decision.total == 600, "nothing of the customer's is spent"
    assert await shop.rows("select * from audit where act = 'confirm-identity'") == []


async def test_a_day_later_a_seller_confirms_it_and_says_how(shop: Shop) -> None:
    customer_id = await linked(shop)
    shop.clock.forward(COOLING_OFF_US / 1e6)
    session = await tapped(shop)
    confirmed = await shop.engine.stations.confirm_identity(M, session.session_id, SELLER, how="document")
    assert confirmed.identity is not None
    assert confirmed.identity.assurance == "staff"
    rows = await shop.rows("select who, subject_id, why from audit where act = 'confirm-identity'")
    assert rows == [{"who": SELLER.who, "subject_id": customer_id, "why": f"document; {session.session_id}"}]


async def test_a_second_person_consents_once(shop: Shop) -> None:
    await linked(shop)
    session = await tapped(shop)
    approval_id = await consent(shop, session.session_id)
    assert await refusal(shop, session, approval_id) == ""
    rows = await shop.rows("select why from audit where act = 'confirm-identity'")
    assert rows == [{"why": f"known; {session.session_id}; with owner:own_boss"}]
    other = await tapped(shop, OTHER_STATION)
    assert await refusal(shop, other, approval_id) == "approval-used"


async def test_shown_beside_the_customers_own_code_the_card_is_theirs(shop: Shop) -> None:
    await linked(shop)
    await shop.engine.stations.present(M, STATION, token(shop))
    beside = await tapped(shop)
    assert beside.identity is not None
    assert (beside.identity.assurance, beside.identity.unproved) == ("authenticate", False)
    later = await tapped(shop, OTHER_STATION)
    assert later.identity is not None
    assert not later.identity.unproved
    assert await refusal(shop, later) == ""


async def test_a_confirmation_by_staff_does_not_make_a_card_the_customers(shop: Shop) -> None:
    customer_id = await linked(shop)
    await shop.engine.customers.link_credential(M, customer_id, "loyalty", "LOYAL-OWN")
    known = await shop.engine.stations.present(M, STATION, Card("ndef", "LOYAL-OWN"))
    assert await refusal(shop, known) == ""
    await tapped(shop)
    elsewhere = await tapped(shop, OTHER_STATION)
    assert elsewhere.identity is not None
    assert elsewhere.identity.unproved, "only the customer's own code stands by it"


async def test_what_an_owner_links_needs_nobody_else(shop: Shop) -> None:
    await linked(shop, OWNER)
    assert await refusal(shop, await tapped(shop)) == ""


async def consent(shop: Shop, session_id: str) -> str:
    """The owner's consent to this confirmation."""
    at = micros(shop.clock.now())

    def job() -> Job[None]:
        yield Query(
            "insert into approval (merchant_id, approval_id, act, subject_id, amount, approver, created_at, expires_at)"
            " values (?, 'apr_1', 'confirm_identity', ?, 0, 'owner:own_boss', ?, ?)",
            (M, session_id, at, at + 120_000_000),
        )

    await shop.sql.write(job)
    return "apr_1"
