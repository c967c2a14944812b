"""What several tenders paid goes back to each of them: pro rata of what is left of it, never above."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.checkout.doubts import in_doubt
from poi_engine.checkout.entries import Tender
from poi_engine.checkout.refund_payments import shares_of
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict
from poi_engine.sales import SaleView
from poi_engine.session import Session
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.engine.test_split_tender import gift_card, wallet

pytestmark = pytest.mark.valkey
DECLINED, UNHEARD = 1005, 1013


async def back(shop: Shop, paid: Session, key: str, *lines: tuple[str, int]) -> SaleView:
    """Refund lines, or all that is left."""
    asked = [ReturnedLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines] or None
    return await shop.engine.checkout.refund(M, paid.sale_id or "", asked, "broken", key=key, by=SELLER)


async def refused(shop: Shop, paid: Session, key: str) -> str:
    """The code of a refund that is not given."""
    with pytest.raises(Conflict) as error:
        await back(shop, paid, key)
    return error.value.code


async def parts(shop: Shop, *amounts: int) -> Session:
    """A sale of a line for each amount, which as many cards paid."""
    session = await shop.accept(await shop.basket(*amounts))
    for amount in amounts:
        session = await shop.pay(session, "card", amount=amount)
    assert session.state == "paid"
    return session


def given_back(sale: SaleView) -> dict[str, int]:
    """What went back by which means."""
    return {one.means: one.amount for one in sale.receipt.payments}


async def states(shop: Shop) -> list[str]:
    """The states of all payments of refunds, by name."""
    return sorted(str(row["state"]) for row in await shop.rows("select state from payment where amount < 0"))


async def doubt(shop: Shop, paid: Session) -> str:
    """The id of the refund in doubt."""
    [found] = await shop.engine.checkout.refunds.in_doubt(M, paid.sale_id or "")
    return found.refund_id


# --- to the same means -----------------------------------------------------------------------------------------------


async def test_every_means_gets_its_own_back(shop: Shop) -> None:
    ada = await shop.customer()
    await wallet(shop, ada, 400)
    card_id, code = await gift_card(shop, 600)
    session = await shop.accept(await shop.identify(await shop.basket(3000), ada))
    await shop.pay(session, "wallet", amount=400)
    await shop.pay(session, "gift_card", amount=600, gift_card=code)
    await shop.pay(session, "cash", amount=500)
    paid = await shop.pay(session, "card")
    whole = await back(shop, paid, "r")
    assert (whole.total, whole.means) == (-3000, "split")
    assert given_back(whole) == {"wallet": -400, "gift_card": -600, "cash": -500, "card": -1500}
    assert (await shop.balance(f"wallet:{ada}"), await shop.balance(f"gift_card:{card_id}")) == (400, 600)
    assert {await shop.balance(f"tender:{means}") for means in given_back(whole)} == {0}
    assert (await back(shop, paid, "r")).sale_id == whole.sale_id, "the same key, the same refund"


async def test_parts_are_pro_rata_of_what_is_left_and_add_up(shop: Shop) -> None:
    session = await shop.accept(await shop.basket(1000, 1000, 1000))
    await shop.pay(session, "cash", amount=1000)
    paid = await shop.pay(session, "card")
    seen = [given_back(await back(shop, paid, f"r{line}", (line, 1000))) for line in ("1", "2", "3")]
    assert seen[0] == {"cash": -333, "card": -667}
    assert {means: sum(one[means] for one in seen) for means in seen[0]} == {"cash": -1000, "card": -2000}


@given(
    amounts=st.lists(st.integers(0, 10_000), min_size=1, max_size=6),
    portions=st.lists(st.integers(1, 10_000), min_size=1, max_size=5),
)
def test_shares_never_exceed_what_is_left(amounts: list[int], portions: list[int]) -> None:
    tenders = [Tender(means="cash", amount=amount) for amount in amounts]
    earlier: list[tuple[int, ...]] = []
    left = sum(amounts)
    for portion in [*portions, left]:
        total = min(portion, left)
        earlier.append(shares_of(total, tenders, earlier))
        left -= total
        assert sum(earlier[-1]) == total
        taken = [sum(column) for column in zip(*earlier, strict=True)]
        assert all(0 <= some <= amount for some, amount in zip(taken, amounts, strict=True))
    assert left >= 0


# --- several operations of the terminal ------------------------------------------------------------------------------


async def test_cards_are_refunded_one_after_the_other(shop: Shop) -> None:
    paid = await parts(shop, 1200, 800)
    whole = await back(shop, paid, "r")
    assert [one.amount for one in whole.receipt.payments] == [-1200, -800]
    book = [one for one in await shop.operations() if one.kind == "refund"]
    assert [one.amount for one in book] == [1200, 800]
    assert len({one.reference for one in book}) == 2


async def test_one_that_is_declined_first_declines_the_refund(shop: Shop) -> None:
    paid = await parts(shop, 1200, 800)
    refuse_once(shop, 1200)
    assert await refused(shop, paid, "r") == "refund-declined"
    assert await states(shop) == ["declined", "declined"]
    assert (await back(shop, paid, "again")).total == -2000, "the quantities are free"


async def test_one_that_is_declined_later_leaves_the_refund_in_doubt(shop: Shop) -> None:
    paid = await card_then_refusal(shop)
    assert await refused(shop, paid, "r") == "refund-unknown"
    assert await states(shop) == ["captured", "declined", "waiting"]
    assert await refused(shop, paid, "other") == "nothing-left", "the quantities stay set aside"
    assert (await shop.engine.recovery.run()).in_doubt == 0, "no terminal is asked: a person says"


async def test_what_was_refused_later_is_listed_for_a_person(shop: Shop) -> None:
    """At the sale, and with all that waits for somebody's word: what is left of it to give back."""
    paid = await card_then_refusal(shop)
    await refused(shop, paid, "r")
    refund_id = await doubt(shop, paid)
    (waits,) = await shop.sql.read(lambda: in_doubt(M))
    assert (waits.kind, waits.sale_id, waits.checkout_id, waits.state) == ("refund", paid.sale_id, refund_id, "unknown")
    assert (waits.amount, waits.means, waits.by) == (1005, "card cash", "seller:sel_1")
    await shop.engine.resolving.refund(M, paid.sale_id or "", refund_id, "refunded", "by hand", by=SELLER)
    assert await shop.sql.read(lambda: in_doubt(M)) == []


async def card_then_refusal(shop: Shop) -> Session:
    """A sale by two cards; the terminal gives the first back and refuses the second."""
    session = await shop.accept(await shop.basket(2000 + DECLINED))
    await shop.pay(session, "card", amount=2000)
    await shop.pay(session, "cash", amount=5)  # 10.05 by card would be declined at once
    paid = await shop.pay(session, "card", amount=1000)
    refuse_once(shop, 1000)
    return paid


def refuse_once(shop: Shop, amount: int) -> None:
    """The terminal declines the next refund of this amount, and gives later ones."""
    give = shop.terminal.refund
    refusals = [amount]

    async def refund(station_id: str, payment_ref: str, refund_ref: str, asked: int, currency: str):  # type: ignore[no-untyped-def]
        if asked in refusals:
            refusals.remove(asked)
            return await give(station_id, payment_ref, refund_ref, DECLINED, currency)
        return await give(station_id, payment_ref, refund_ref, asked, currency)

    shop.terminal.refund = refund  # type: ignore[method-assign]


async def test_asking_again_with_the_key_sends_what_was_declined_once_more(shop: Shop) -> None:
    paid = await card_then_refusal(shop)
    assert await refused(shop, paid, "r") == "refund-unknown"
    whole = await back(shop, paid, "r")
    assert [(one.means, one.amount) for one in whole.receipt.payments] == [
        ("card", -2000),
        ("card", -1000),
        ("cash", -5),
    ]
    assert await states(shop) == ["captured", "captured", "captured", "declined"]


async def test_a_closing_lists_what_went_back_already_and_nothing_more_goes_back_on_that_day(shop: Shop) -> None:
    paid = await card_then_refusal(shop)
    await refused(shop, paid, "r")
    closed = await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    assert [one.amount for one in closed.closing.in_doubt] == [-2000]
    assert await refused(shop, paid, "r") == "day-closed"
    assert await states(shop) == ["captured", "declined", "waiting"]
    shop.clock.forward(86_400)
    assert (await back(shop, paid, "r")).total == -3005


async def test_a_closing_lists_what_was_paid_of_a_sale_that_is_not_paid_yet(shop: Shop) -> None:
    session = await shop.accept(await shop.basket(3000))
    await shop.pay(session, "cash", amount=1000)
    closed = await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    assert [one.amount for one in closed.closing.in_doubt] == [1000]


@pytest.mark.parametrize("outcome", ["refunded", "declined"])
async def test_a_person_ends_it(shop: Shop, outcome: str) -> None:
    paid = await card_then_refusal(shop)
    await refused(shop, paid, "r")
    refund_id = await doubt(shop, paid)
    sale = await shop.engine.resolving.refund(M, paid.sale_id or "", refund_id, outcome, "by hand", by=SELLER)  # type: ignore[arg-type]
    undone = [one.cancelled for one in await shop.operations() if one.kind == "refund" and one.approved]
    if outcome == "refunded":
        assert (sale.refunded, undone) == (3005, [False])
        assert not (await shop.engine.sales.get(M, sale.refunds[0])).guaranteed
    else:
        assert (sale.refunded, undone) == (0, [True]), "what the terminal gave is undone"
        assert (await back(shop, paid, "again")).total == -3005


async def test_one_in_doubt_is_asked_about_and_the_next_follows(shop: Shop) -> None:
    session = await shop.accept(await shop.basket(UNHEARD + 1987))
    await shop.pay(session, "cash", amount=1)
    await shop.pay(session, "card", amount=UNHEARD - 1)
    paid = await shop.pay(session, "card")
    silence(shop)
    assert await refused(shop, paid, "r") == "refund-unknown"
    assert await states(shop) == ["unknown", "waiting", "waiting"]
    assert (await shop.engine.recovery.run()).resolved == 1
    assert await shop.engine.checkout.refunds.in_doubt(M, paid.sale_id or "") == []
    assert (await back(shop, paid, "r")).total == -3000


def silence(shop: Shop) -> None:
    """The terminal does what it is asked first, and does not answer."""
    give, silent = shop.terminal.refund, [True]

    async def refund(*asked: object):  # type: ignore[no-untyped-def]
        answer = await give(*asked)  # type: ignore[arg-type]
        if silent:
            silent.clear()
            raise TimeoutError
        return answer

    shop.terminal.refund = refund  # type: ignore[method-assign]


async def test_two_who_refund_at_once_give_back_once(shop: Shop) -> None:
    paid = await parts(shop, 1200, 800)
    got = await asyncio.gather(*(back(shop, paid, f"r{number}") for number in range(3)), return_exceptions=True)
    assert len([one for one in got if isinstance(one, SaleView)]) == 1
    assert sum(one.amount for one in await shop.operations() if one.kind == "refund") == 2000
