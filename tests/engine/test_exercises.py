"""Selling in training looks like selling, and leaves nothing behind but a receipt in a chain apart."""

import pytest
from msgspec import json
from msgspec.structs import replace

from poi_engine.errors import Conflict
from poi_engine.fiscal.journal import receipt_of
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey
COUNTED = ("checkout", "payment", "sale", "transfer", "journal", "outbox", "redemption")


@pytest.fixture
async def school(shop: Shop) -> Shop:
    """A station in training, and an offer with a limit."""
    offer = Offer(
        offer_id="off_1",
        name={"en": "ten"},
        currency="EUR",
        effects=(PercentOff(percent=1000),),
        limits=(Limit(of="uses", cap=1),),
    )
    await shop.engine.offers.create(M, offer)
    assert await shop.engine.fiscal.train(M, STATION, True, by=SELLER)
    return shop


async def counted(shop: Shop) -> dict[str, object]:
    """How many rows there are of all that counts."""
    return {name: (await shop.rows(f"select count(*) as n from {name}"))[0]["n"] for name in COUNTED}


async def test_an_exercise_is_paid_by_its_own_name_too(school: Shop) -> None:
    accepted = await school.accept(await school.basket(1000))
    with pytest.raises(Conflict) as refused:
        await school.pay(accepted, decision_id="dec_of_nobody")
    assert refused.value.code == "decision-changed"
    assert (await school.pay(accepted, decision_id=accepted.decision_id)).state == "paid"


async def test_nothing_moves(school: Shop) -> None:
    ada = await school.customer()
    before = await counted(school)
    for _ in range(2):
        paid = await school.sell(2000, customer_id=ada)
        assert (paid.state, paid.sale_id, paid.due) == ("paid", None, 0)
        assert paid.notice is not None and paid.notice.code == "training"
        assert paid.decision is not None and paid.decision.saved == 200, "the limit of one use was not used"
    assert await counted(school) == before
    assert await school.operations() == [], "no terminal was asked"
    assert (await school.engine.customers.get(M, ada)).visits == 0


async def test_the_receipt_says_so_and_names_nobody(school: Shop) -> None:
    await school.sell(2000, customer_id=await school.customer(), means="cash")
    [row] = await school.rows("select document from training")
    receipt = receipt_of(row["document"])  # type: ignore[arg-type]
    assert (receipt.training, receipt.total, receipt.customer_id) == (True, 1800, None)
    assert [(one.means, one.amount) for one in receipt.payments] == [("cash", 1800)]


async def test_parts_are_exercised_too_and_a_key_answers_the_same(school: Shop) -> None:
    accepted = await school.accept(await school.basket(2000))
    part = await school.pay(accepted, "cash", "one", 500, given=1000)
    assert (part.state, part.due, len(part.tenders)) == ("paying", 1300, 1)
    paid = await school.pay(accepted, "card", "two")
    assert (paid.state, [one.means for one in paid.tenders]) == ("paid", ["cash", "card"])
    assert (await school.pay(accepted, "cash", "one", 500, given=1000)).due == 1300
    assert (await school.pay(accepted, "card", "two")).state == "paid"
    assert len(await school.rows("select 1 as n from training")) == 1


async def test_an_exercise_is_given_up_like_a_sale(school: Shop) -> None:
    accepted = await school.accept(await school.basket(2000))
    await school.pay(accepted, "cash", amount=500)
    assert (await school.engine.stations.abandon(M, accepted.session_id)).state == "abandoned"
    assert json.encode(await school.rows("select * from audit where act = 'give-back'")) == b"[]"


async def test_it_ends_with_the_training(school: Shop) -> None:
    accepted = await school.accept(await school.basket(2000))
    await school.engine.fiscal.train(M, STATION, False, by=SELLER)
    with pytest.raises(Conflict) as over:
        await school.pay(accepted, "cash")
    assert over.value.code == "training-over"
    await school.engine.stations.abandon(M, accepted.session_id)
    assert (await school.sell(2000, means="cash")).sale_id is not None


async def test_no_card_is_asked_for(school: Shop) -> None:
    session = await school.basket(2000)
    with pytest.raises(Conflict) as refused:
        await school.engine.stations.see_card(M, session.session_id)
    assert refused.value.code == "in-training"


async def test_no_value_moves_for_good(school: Shop) -> None:
    """A card that would be held, and cash that would be paid out, are no exercise."""
    ada = await school.customer()
    session = await school.identify(await school.engine.stations.open(M, STATION), ada)
    card = await school.engine.gift_cards.issue(M, by=SELLER)
    there = replace(SELLER, signed_in_at=STATION)
    for refused in (
        school.engine.tabs.open(M, session.session_id, key="tab", by=there),
        school.engine.tabs.pay_back(M, "tab_1", "cash", "stale", key="back", by=there),
        school.engine.wallets.close_out(M, ada, "cash", "moves away", key="out", by=there),
        school.engine.gift_cards.load(M, card.code, 500, key="load", by=there),
        school.engine.gift_cards.close(M, card.card_id, "cash", "lost", key="close", by=there),
    ):
        with pytest.raises(Conflict) as told:
            await refused
        assert told.value.code == "in-training"
    assert await school.operations() == []
