"""Paying: the terminal's three answers, repeated keys, a second means, doubt and its ends."""

import asyncio

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, StorageError
from poi_engine.ports import PaymentResult
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import CardScheme, CardType
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
DECLINED, APPROVED_UNHEARD, DECLINED_UNHEARD, SLOW, AWAY = 1005, 1013, 1014, 1015, 1016


async def test_a_decline_frees_the_reservation_and_another_means_can_pay(shop: Shop) -> None:
    limited = Offer(
        offer_id="off_1",
        name={"en": "one"},
        currency="EUR",
        effects=(PercentOff(percent=1),),
        limits=(Limit(of="uses", cap=1),),
    )
    await shop.engine.offers.create(M, limited)
    session = await shop.pay(await shop.accept(await shop.basket(DECLINED)))
    assert session.decision is not None
    assert session.decision.total == DECLINED, "one basis point of it rounds to nothing"
    assert session.state == "declined"
    assert session.notice is not None
    assert session.notice.values == {"reason": "do not honour"}
    assert await shop.balance("limit:off_1:0:total:ever") in (0, 1)
    paid = await shop.pay(await shop.accept(session), "cash")
    assert paid.state == "paid"
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert (sale.means, sale.entry_mode) == ("cash", "cash")


async def test_the_same_key_pays_once_and_answers_the_same(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(1000))
    answers = await asyncio.gather(*(shop.pay(accepted, key="one") for _ in range(5)))
    answers.append(await shop.pay(accepted, key="one"))
    await shop.restart()
    answers.append(await shop.pay(accepted, key="one"))
    assert {(got.state, got.sale_id) for got in answers} == {("paid", answers[0].sale_id)}
    assert [done.kind for done in await shop.operations()].count("authorise") == 1


async def test_the_same_key_for_something_else_is_an_error(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(1000))
    await shop.pay(accepted, key="one")
    with pytest.raises(Conflict) as wrong:
        await shop.pay(accepted, "cash", key="one")
    assert wrong.value.code == "idempotency-mismatch"


async def test_who_saw_another_basket_accepted_pays_nothing(shop: Shop) -> None:
    """A click that comes late, or a till that shares the counter: a payment says what it pays."""
    seen = await shop.accept(await shop.basket(DECLINED))
    declined = await shop.pay(seen, decision_id=seen.decision_id)
    entries = [BasketEntry(amount=7000)]
    other = await shop.accept(await shop.engine.stations.set_basket(M, declined.session_id, entries))
    for name in (seen.decision_id, "dec_of_nobody"):
        with pytest.raises(Conflict) as refused:
            await shop.pay(other, decision_id=name)
        assert refused.value.code == "decision-changed"
    taken = [done.amount for done in await shop.operations() if done.kind == "authorise"]
    assert taken == [DECLINED]
    assert (await shop.pay(other, decision_id=other.decision_id)).state == "paid"


async def test_two_keys_at_once_pay_once(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(1000))
    got = await asyncio.gather(*(shop.pay(accepted) for _ in range(4)), return_exceptions=True)
    paid = [one for one in got if not isinstance(one, BaseException)]
    assert len(paid) == 1
    assert {one.code for one in got if isinstance(one, Conflict)} <= {"payment-under-way", "already-paid"}
    assert len(shop.seen.sales) == 1


async def test_a_declined_answer_is_kept_even_after_a_later_payment(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(DECLINED))
    declined = await shop.pay(accepted, key="first")
    await shop.pay(await shop.accept(declined), "cash")
    again = await shop.pay(accepted, key="first")
    assert (again.state, again.sale_id) == ("declined", None)


@pytest.mark.parametrize(("amount", "end"), [(APPROVED_UNHEARD, "paid"), (DECLINED_UNHEARD, "declined")])
async def test_doubt_ends_by_asking_the_terminal(shop: Shop, amount: int, end: str) -> None:
    unknown = await shop.pay(await shop.accept(await shop.basket(amount)), key="k")
    assert unknown.state == "unknown"
    with pytest.raises(Conflict) as wait:
        await shop.pay(unknown)
    assert wait.value.code == "payment-unknown"
    assert (await shop.pay(unknown, key="k")).state == "unknown"
    assert (await shop.engine.checkout.ask_status(M, unknown.session_id)).state == end
    assert (await shop.pay(unknown, key="k")).state == end


async def test_a_terminal_still_at_work_leaves_the_payment_in_doubt(shop: Shop) -> None:
    unknown = await shop.pay(await shop.accept(await shop.basket(SLOW)))
    states = [(await shop.engine.checkout.ask_status(M, unknown.session_id)).state for _ in range(3)]
    assert states == ["unknown", "unknown", "paid"]


@pytest.mark.parametrize(("outcome", "end"), [("paid", "paid"), ("declined", "declined")])
async def test_doubt_ends_by_a_person_with_a_reason(shop: Shop, outcome: str, end: str) -> None:
    unknown = await shop.pay(await shop.accept(await shop.basket(APPROVED_UNHEARD)))
    with pytest.raises(Exception, match="why"):
        await shop.engine.resolving.payment(M, unknown.session_id, outcome, " ", by=SELLER)  # type: ignore[arg-type]
    ended = await shop.engine.resolving.payment(M, unknown.session_id, outcome, "slip", by=SELLER)  # type: ignore[arg-type]
    assert ended.state == end
    audit = await shop.rows("select act, why, who from audit")
    assert [(row["act"], row["why"]) for row in audit] == [(f"resolve-{outcome}", "slip")]
    book = {done.kind: done.cancelled for done in await shop.operations()}
    assert book["authorise"] == (outcome == "declined"), "what a person declines is undone at the terminal"
    if outcome == "paid":
        assert not (await shop.engine.sales.get(M, ended.sale_id or "")).guaranteed


async def test_a_terminal_out_of_reach_declines_without_a_trace(shop: Shop) -> None:
    session = await shop.pay(await shop.accept(await shop.basket(AWAY)))
    assert session.state == "declined"
    assert await shop.operations() == []


async def test_a_partial_approval_is_no_payment(shop: Shop) -> None:
    class Partial:
        name, capabilities = "partial", shop.terminal.capabilities

        async def authorise(self, *args: object) -> PaymentResult:
            return PaymentResult(outcome="approved", payment_ref=str(args[1]), amount=1)

    shop.connectors = {"simulator": Partial()}  # type: ignore[dict-item]
    shop.engine = shop.build()
    session = await shop.pay(await shop.accept(await shop.basket(1000)))
    assert session.state == "unknown"


async def test_card_offers_are_decided_once_the_card_is_seen(shop: Shop) -> None:
    card_only = Offer(
        offer_id="off_cb",
        name={"en": "cb debit"},
        currency="EUR",
        effects=(PercentOff(percent=2000),),
        conditions=CardScheme(any_of=("cb",)),
    )
    await shop.engine.offers.create(M, card_only)
    session = await shop.basket(1000)
    assert session.decision is not None
    assert session.decision.total == 1000
    assert session.decision.reasons[0].outcome == "condition_unknown"
    seen = await shop.engine.stations.see_card(M, session.session_id)
    assert seen.decision is not None
    assert seen.decision.total == 800
    accepted = await shop.accept(seen)
    with pytest.raises(Conflict) as other:
        await shop.pay(accepted, "cash")
    assert other.value.code == "decide-again"
    again = await shop.engine.stations.get(M, session.session_id)
    assert again.decision is not None
    assert (again.state, again.decision.total) == ("decided", 1000)
    seen = await shop.engine.stations.see_card(M, session.session_id)
    assert seen.payment is not None
    assert seen.payment.scheme == "visa", "the next card in turn"
    paid = await shop.pay(await shop.accept(seen))
    [authorised] = [done for done in await shop.operations() if done.kind == "authorise"]
    assert authorised.amount == 1000
    assert authorised.of_reference == seen.acquisition_ref
    assert (await shop.engine.sales.get(M, paid.sale_id or "")).card_scheme == "visa"
    assert CardType(any_of=("debit",))


async def test_payments_finish_when_redis_is_gone(shop: Shop) -> None:
    class Gone:
        def __getattr__(self, name: str) -> object:
            async def away(*args: object, **named: object) -> None:
                raise StorageError("sessions-away", "gone")

            return away

    accepted = await shop.accept(await shop.basket(1000))
    shop.sessions = Gone()  # type: ignore[assignment]
    shop.engine = shop.build()
    paid = await shop.pay(accepted)
    assert paid.state == "paid"
    with pytest.raises(StorageError):
        await shop.basket(100)
    assert (await shop.engine.stations.get(M, accepted.session_id)).state == "paid"
