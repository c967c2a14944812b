"""What a person declined and no terminal can undo: another word of a person's ends it, once, and holds nothing up."""

from collections.abc import AsyncIterator

import pytest

from poi_engine.checkout.doubts import in_doubt
from poi_engine.checkout.payment import read_payment
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Capabilities, PaymentResult
from poi_engine.verify import verify
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
UNHEARD = 1013


@pytest.fixture
async def deaf(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The shop, whose terminal undoes nothing."""
    monkeypatch.setattr(shop.terminal, "capabilities", Capabilities(cancel=False, refund=False))
    yield shop


async def declined_by_person(shop: Shop) -> str:
    """A payment that nobody answered, declined by a person; its id."""
    doubtful = await shop.sell(UNHEARD)
    await shop.engine.resolving.payment(M, doubtful.session_id, "declined", "no slip", by=SELLER)
    (waiting,) = await shop.sql.read(lambda: in_doubt(M))
    assert waiting.state == "reversing"
    assert waiting.payment_id is not None
    return waiting.payment_id


async def state_of(shop: Shop, payment_id: str) -> object:
    """The payment's state."""
    return (await shop.rows("select state from payment where payment_id = ?", (payment_id,)))[0]["state"]


@pytest.mark.parametrize("outcome", ["declined", "reversed"])
async def test_a_person_ends_it_and_recovery_leaves_it_alone(deaf: Shop, outcome: str) -> None:
    payment_id = await declined_by_person(deaf)
    assert (await deaf.engine.recovery.run()).in_doubt == 1
    await deaf.engine.resolving.reversing(M, payment_id, outcome, "seen on its slip", by=SELLER)  # type: ignore[arg-type]
    assert await state_of(deaf, payment_id) == outcome
    assert await deaf.sql.read(lambda: in_doubt(M)) == []
    assert (await deaf.engine.recovery.run()).in_doubt == 0
    audited = await deaf.rows("select act, subject_id, who, why from audit where act like 'reversing-%'")
    said = {"who": SELLER.who, "why": "seen on its slip"}
    assert audited == [{"act": f"reversing-{outcome}", "subject_id": payment_id, **said}]
    assert await verify(deaf.sql) == []


async def test_a_refund_that_went_wrong_ends_so_too(deaf: Shop) -> None:
    sale_id = (await deaf.sell(2087, UNHEARD)).sale_id or ""
    line = [ReturnedLine(line_id="2", quantity=1000)]
    with pytest.raises(Conflict):
        await deaf.engine.checkout.refund(M, sale_id, line, "broken", key="r", by=SELLER)
    refunds = deaf.engine.checkout.refunds
    (doubt,) = await refunds.in_doubt(M, sale_id)
    await deaf.engine.resolving.refund(M, sale_id, doubt.refund_id, "declined", "no slip", by=SELLER)
    (waiting,) = await deaf.sql.read(lambda: in_doubt(M))
    await deaf.engine.resolving.reversing(M, waiting.payment_id or "", "reversed", "the customer paid it", by=SELLER)
    assert await deaf.sql.read(lambda: in_doubt(M)) == []
    assert await verify(deaf.sql) == []


async def test_it_is_ended_once_with_a_reason_and_only_while_it_is_going_back(deaf: Shop) -> None:
    end = deaf.engine.resolving.reversing
    paid = await deaf.sell(1000)
    for payment_id in (paid.tenders[0].payment_id, await declined_by_person(deaf)):
        with pytest.raises(RequestError) as silent:
            await end(M, payment_id, "declined", "  ", by=SELLER)
        assert silent.value.code == "reason-needed"
    with pytest.raises(Conflict) as captured:
        await end(M, paid.tenders[0].payment_id, "declined", "why not", by=SELLER)
    await end(M, payment_id, "declined", "no slip", by=SELLER)
    with pytest.raises(Conflict) as again:
        await end(M, payment_id, "reversed", "by cash", by=SELLER)
    assert (captured.value.code, again.value.code) == ("not-reversing", "not-reversing")
    with pytest.raises(NotFound):
        await end(M, "pay_nobody", "declined", "no slip", by=SELLER)


async def test_what_the_terminal_can_undo_after_all_nobody_gives_back_again(
    deaf: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = await declined_by_person(deaf)
    monkeypatch.undo()
    with pytest.raises(Conflict) as refused:
        await deaf.engine.resolving.reversing(M, payment_id, "reversed", "by cash", by=SELLER)
    assert refused.value.code == "not-reversing"
    assert await state_of(deaf, payment_id) == "reversed"
    assert await deaf.rows("select 1 as one from audit where act like 'reversing-%'") == []


async def test_a_connector_that_is_gone_keeps_nobody_from_ending_it(deaf: Shop) -> None:
    payment_id = await declined_by_person(deaf)
    deaf.connectors = {}
    await deaf.restart()
    await deaf.engine.resolving.reversing(M, payment_id, "declined", "its list shows nothing", by=SELLER)
    assert await state_of(deaf, payment_id) == "declined"


async def test_an_approval_that_arrives_after_all_is_undone(deaf: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person was wrong: the terminal's word comes late, and the money goes back."""
    doubtful = await deaf.sell(UNHEARD)
    late = (await deaf.rows("select payment_id from payment"))[0]["payment_id"]
    payment = await deaf.sql.read(lambda: read_payment(M, str(late)))
    await deaf.engine.resolving.payment(M, doubtful.session_id, "declined", "no slip", by=SELLER)
    await deaf.engine.resolving.reversing(M, str(late), "declined", "its list shows nothing", by=SELLER)
    monkeypatch.undo()
    result = PaymentResult(outcome="approved", payment_ref=str(late), amount=UNHEARD)
    await deaf.engine.bank._settlement.settle(M, payment, result)
    assert await state_of(deaf, str(late)) == "reversed"
