"""Cards while the bank is away: taken at the merchant's risk within the cap, forwarded once and never twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from poi_engine.checkout.at_risk import Instead
from poi_engine.checkout.forwarding import Forwarding
from poi_engine.errors import Conflict, RequestError
from poi_engine.ports import PaymentResult
from poi_engine.settings import OfflinePolicy, write_setting
from poi_engine.verify import verify
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop
from tests.value.day import ACCOUNT

pytestmark = pytest.mark.valkey
DECLINED, UNHEARD, SLOW, TERMINAL_AWAY = 1005, 1013, 1015, 1016


@pytest.fixture
async def cut_off(shop: Shop) -> AsyncIterator[Shop]:
    """A shop whose terminals reach no bank: up to 20.00 a card, 50.00 in all."""
    policy = OfflinePolicy(card_floor_limit=2000, card_cap=5000)
    await shop.sql.write(lambda: write_setting(M, "offline", policy))
    shop.terminal.bank_away = True
    yield shop
    assert await verify(shop.sql) == []


async def states(shop: Shop) -> list[object]:
    """What became of each that the terminal took by itself."""
    rows = await shop.rows("select state from forwarding order by created_at, payment_id")
    return [row["state"] for row in rows]


async def charged(shop: Shop) -> list[int]:
    """What the terminals have charged, by their own book."""
    return [one.amount for one in await shop.operations() if one.kind == "authorise" and one.forwarded]


async def back(shop: Shop) -> Forwarding:
    """The bank is back, and the engine looks."""
    shop.terminal.bank_away = False
    await shop.engine.forwarding.round()
    return shop.engine.forwarding


async def test_without_a_floor_the_card_is_declined_and_the_screen_says_that_the_bank_is_away(shop: Shop) -> None:
    shop.terminal.bank_away = True
    session = await shop.sell(1000)
    assert (session.state, session.notice and session.notice.code) == ("declined", "bank-away")
    assert await states(shop) == []
    assert (await shop.pay(await shop.accept(session), "cash")).state == "paid"


async def test_within_the_floor_it_is_taken_at_the_merchants_risk_and_everything_says_so(cut_off: Shop) -> None:
    session = await cut_off.sell(1000)
    assert session.state == "paid"
    assert [tender.guaranteed for tender in session.tenders] == [False]
    sale = await cut_off.engine.sales.get(M, session.sale_id or "")
    assert not sale.guaranteed
    assert not sale.receipt.payments[0].guaranteed
    (waiting,) = await cut_off.engine.forwarding.waiting(M)
    assert (waiting.amount, waiting.state, waiting.sale_id) == (1000, "waiting", session.sale_id)
    assert await charged(cut_off) == []


async def test_above_the_floor_nothing_is_taken(cut_off: Shop) -> None:
    session = await cut_off.sell(2001)
    assert (session.state, session.notice and session.notice.code) == ("declined", "bank-away")


async def test_what_waits_never_passes_the_cap_whatever_is_asked_for_at_once(cut_off: Shop) -> None:
    """Two stations at a time; 50.00 in all, 20.00 each."""
    for _ in range(2):
        sessions = [await cut_off.basket(2000, station=station) for station in ("sta_1", OTHER_STATION)]
        accepted = [await cut_off.accept(session) for session in sessions]
        await asyncio.gather(*(cut_off.pay(session) for session in accepted))
        for session in accepted:
            current = await cut_off.engine.stations.get(M, session.session_id)
            if current.state == "declined":
                await cut_off.engine.stations.abandon(M, session.session_id)
    assert [one.amount for one in await cut_off.engine.forwarding.waiting(M)] == [2000, 2000]


async def test_it_is_forwarded_when_the_bank_is_back_and_room_is_free_again(cut_off: Shop) -> None:
    await cut_off.sell(2000)
    await cut_off.engine.forwarding.round()
    assert await states(cut_off) == ["waiting"], "the bank is still away"
    forwarding = await back(cut_off)
    assert await states(cut_off) == ["forwarded"]
    assert await charged(cut_off) == [2000]
    assert await forwarding.round() == 0
    assert await charged(cut_off) == [2000]
    assert await forwarding.waiting(M) == []
    assert (await cut_off.rows("select guaranteed from payment"))[0]["guaranteed"] == 1


async def test_a_later_decline_is_recorded_and_waits_for_a_person(cut_off: Shop) -> None:
    session = await cut_off.sell(DECLINED)
    assert session.state == "paid", "what was sold is sold"
    forwarding = await back(cut_off)
    (declined,) = await forwarding.waiting(M)
    assert (declined.state, declined.reason) == ("declined", "do not honour")
    audit = await cut_off.rows("select act, why from audit where act = 'forward-declined'")
    assert len(audit) == 1
    with pytest.raises(Conflict) as refused:
        await cut_off.engine.checkout.refund(M, session.sale_id or "", None, "back", key="r", by=SELLER)
    assert refused.value.code == "never-charged"
    with pytest.raises(RequestError, match="why"):
        await forwarding.end(M, declined.payment_id, "paid", " ", by=SELLER)
    for outcome, paid_by in (("paid", None), ("lost", "cash")):
        with pytest.raises(RequestError) as unsaid:
            await forwarding.end(M, declined.payment_id, outcome, "so", paid_by=paid_by, by=SELLER)  # type: ignore[arg-type]
        assert unsaid.value.path == "$.paid_by"
    await forwarding.end(M, declined.payment_id, "paid", "came back", paid_by="cash", by=SELLER)
    with pytest.raises(Conflict) as again:
        await forwarding.end(M, declined.payment_id, "lost", "twice", by=SELLER)
    assert again.value.code == "not-declined"
    assert await forwarding.waiting(M) == []
    assert len(await cut_off.rows("select 1 as one from audit where act = 'forward-paid'")) == 1


@pytest.mark.parametrize("means", ["cash", "transfer", "meal_voucher"])
async def test_what_was_paid_since_counts_by_what_it_was_paid_by_and_goes_back_so(cut_off: Shop, means: str) -> None:
    sale_id = (await cut_off.sell(DECLINED)).sale_id or ""
    forwarding = await back(cut_off)
    (declined,) = await forwarding.waiting(M)
    cards = await cut_off.balance("tender:card")
    say = forwarding.end(M, declined.payment_id, "paid", "she came back", paid_by=means, by=SELLER)  # type: ignore[arg-type]
    await say
    assert await cut_off.balance("tender:card") == cards + DECLINED, "nothing came in by card"
    assert await cut_off.balance(f"tender:{means}") == -DECLINED
    why = await cut_off.rows("select why from audit where act = 'forward-paid'")
    assert why == [{"why": f"{DECLINED} by {means}; she came back"}]
    assert await verify(cut_off.sql) == []
    refund = await cut_off.engine.checkout.refund(M, sale_id, None, "back", key="r", by=SELLER)
    assert [payment.means for payment in refund.receipt.payments] == [means]
    assert await cut_off.balance(f"tender:{means}") == 0
    assert not [one for one in await cut_off.operations() if one.kind == "refund"], "no terminal knows of it"


async def paid_by_another_card(shop: Shop) -> str:
    """A sale whose card the bank declined, and which another card paid since."""
    sale_id = (await shop.sell(DECLINED)).sale_id or ""
    forwarding = await back(shop)
    (declined,) = await forwarding.waiting(M)
    await forwarding.end(M, declined.payment_id, "paid", "another card", paid_by="card", by=SELLER)
    return sale_id


async def test_one_that_was_paid_by_another_card_stays_with_the_cards(cut_off: Shop) -> None:
    await cut_off.sell(1000)
    cards = await cut_off.balance("tender:card")
    await paid_by_another_card(cut_off)
    assert await cut_off.balance("tender:card") == cards - DECLINED


@pytest.mark.parametrize("means", ["cash", "transfer"])
async def test_what_another_card_paid_goes_back_by_means_that_the_shop_takes(cut_off: Shop, means: Instead) -> None:
    """The terminal that declined it has no reference to the other card: it is not asked."""
    sale_id = await paid_by_another_card(cut_off)
    refund = cut_off.engine.checkout.refund
    with pytest.raises(Conflict, match="say `instead`, cash") as unsaid:
        await refund(M, sale_id, None, "back", key="r", by=SELLER)
    assert (unsaid.value.code, unsaid.value.path) == ("other-card-paid", "$.instead")
    if means == "transfer":
        with pytest.raises(Conflict) as refused:
            await refund(M, sale_id, None, "back", key="r", by=SELLER, instead=means)
        assert (refused.value.code, refused.value.path) == ("means-off", "$.instead")
        await cut_off.sql.write(lambda: write_setting(M, "bank", ACCOUNT))
        await cut_off.sql.write(lambda: write_setting(M, "means", ("card", "cash", "transfer")))
    before = await cut_off.balance(f"tender:{means}")
    for _ in range(2):
        made = await refund(M, sale_id, None, "back", key="r", by=SELLER, instead=means)
        assert [(one.means, one.amount) for one in made.receipt.payments] == [(means, -DECLINED)]
    assert await cut_off.balance(f"tender:{means}") == before + DECLINED
    assert not [one for one in await cut_off.operations() if one.kind == "refund"]


async def test_of_two_cards_the_one_gives_back_what_it_paid_and_the_others_share_goes_by_hand(cut_off: Shop) -> None:
    session = await cut_off.accept(await cut_off.basket(1000 + DECLINED))
    await cut_off.pay(session, amount=1000)
    sale_id = (await cut_off.pay(session)).sale_id or ""
    forwarding = await back(cut_off)
    (declined,) = await forwarding.waiting(M)
    await forwarding.end(M, declined.payment_id, "paid", "another card", paid_by="card", by=SELLER)
    made = await cut_off.engine.checkout.refund(M, sale_id, None, "back", key="r", by=SELLER, instead="cash")
    assert [(one.means, one.amount) for one in made.receipt.payments] == [("card", -1000), ("cash", -DECLINED)]
    assert [one.amount for one in await cut_off.operations() if one.kind == "refund"] == [1000]


async def test_money_that_can_go_back_to_what_paid_goes_nowhere_else(cut_off: Shop) -> None:
    sale_id = (await cut_off.sell(1000)).sale_id or ""
    await back(cut_off)
    with pytest.raises(RequestError) as refused:
        await cut_off.engine.checkout.refund(M, sale_id, None, "back", key="r", by=SELLER, instead="cash")
    assert (refused.value.code, refused.value.path) == ("nothing-instead", "$.instead")


async def test_what_is_lost_is_written_off_in_the_ledger_and_verified(cut_off: Shop) -> None:
    await cut_off.sell(DECLINED)
    forwarding = await back(cut_off)
    (declined,) = await forwarding.waiting(M)
    before = await cut_off.balance("tender:card")
    await forwarding.end(M, declined.payment_id, "lost", "nobody came back", by=SELLER)
    assert await cut_off.balance("tender:card") == before + DECLINED, "the card's tender never came in"
    assert await cut_off.balance("losses:card") == -DECLINED
    assert await verify(cut_off.sql) == []


@pytest.mark.parametrize(("amount", "rounds"), [(UNHEARD, 1), (SLOW, 3)])
async def test_a_lost_answer_is_asked_for_and_not_told_again(
    cut_off: Shop, monkeypatch: pytest.MonkeyPatch, amount: int, rounds: int
) -> None:
    """The terminal is told once, not only charges once."""
    told, forward = [], cut_off.terminal.forward

    async def counted(payment_ref: str) -> PaymentResult:
        told.append(payment_ref)
        return await forward(payment_ref)

    monkeypatch.setattr(cut_off.terminal, "forward", counted)
    await cut_off.sell(amount)
    forwarding = await back(cut_off)
    assert await states(cut_off) == ["sending"]
    for _ in range(rounds):
        await forwarding.round()
    assert await states(cut_off) == ["forwarded"]
    assert await charged(cut_off) == [amount]
    assert len(told) == 1


async def test_nothing_goes_back_on_a_card_that_the_bank_was_not_told_of(cut_off: Shop) -> None:
    session = await cut_off.sell(1000)
    with pytest.raises(Conflict) as early:
        await cut_off.engine.checkout.refund(M, session.sale_id or "", None, "back", key="r", by=SELLER)
    assert early.value.code == "not-forwarded"
    await back(cut_off)
    refund = await cut_off.engine.checkout.refund(M, session.sale_id or "", None, "back", key="r2", by=SELLER)
    assert refund.total == -1000


async def test_a_part_is_forwarded_with_the_sale_and_not_at_all_when_it_is_given_up(cut_off: Shop) -> None:
    given_up, kept = await cut_off.accept(await cut_off.basket(3000)), None
    await cut_off.pay(given_up, amount=1000)
    shop_back = await back(cut_off)
    assert await charged(cut_off) == [], "the sale is not made yet"
    await cut_off.engine.stations.abandon(M, given_up.session_id)
    await shop_back.round()
    assert (await states(cut_off), await charged(cut_off)) == (["dropped"], [])
    cut_off.terminal.bank_away = True
    kept = await cut_off.accept(await cut_off.basket(3000))
    await cut_off.pay(kept, amount=1000)
    assert (await cut_off.pay(kept, "cash")).state == "paid"
    await back(cut_off)
    assert (await states(cut_off), await charged(cut_off)) == (["dropped", "forwarded"], [1000])


async def test_a_terminal_that_is_away_itself_takes_nothing_and_counts_for_nothing(cut_off: Shop) -> None:
    cut_off.terminal.bank_away = False
    session = await cut_off.sell(TERMINAL_AWAY)
    assert (session.state, session.notice and session.notice.code) == ("declined", "payment-declined")
    assert await states(cut_off) == []
