"""Tabs: small sales on one hold of a card, and one capture of exactly what they come to, whatever happens between."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from poi_engine.basket import BasketEntry
from poi_engine.checkout.doubts import in_doubt
from poi_engine.errors import Conflict, DeviceError, Forbidden, RequestError
from poi_engine.ledger import Insufficient
from poi_engine.ports import PaymentResult
from poi_engine.session import Session
from poi_engine.value.lines import WALLET
from poi_engine.value.rules import TabRules
from poi_engine.value.tab_rows import Tab, TabEnd, capture_ref
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey
CEILING = 1000
UNHEARD, DECLINED, SLOW, AWAY = 313, 305, 315, 316


async def open_tab(shop: Shop, customer_id: str, ceiling: int = CEILING, key: str = "tab") -> Tab:
    session = await shop.identify(await shop.engine.stations.open(M, STATION), customer_id)
    return await shop.engine.tabs.open(M, session.session_id, ceiling, key=key, by=SELLER)


async def buy(shop: Shop, customer_id: str, *amounts: int, station: str = STATION) -> Session:
    session = await shop.identify(await shop.basket(*amounts, station=station), customer_id)
    return await shop.pay(await shop.accept(session), "tab")


async def close(shop: Shop, tab: Tab) -> Tab:
    return await shop.engine.tabs.close(M, tab.tab_id, "the day is over", by=SELLER)


def captures(shop: Shop) -> list[tuple[str, int, bool]]:
    """What the terminal was asked to take, and whether it did."""
    return [
        (one.of_reference, one.amount, one.approved) for one in shop.terminal.book.operations() if one.kind == "capture"
    ]


async def even(shop: Shop, tab: Tab) -> None:
    """Nothing is left open on the ledger."""
    assert await shop.balance(f"tab:{tab.tab_id}") == 0
    assert await shop.balance("tabs") == 0
    assert await shop.balance("tender:tab") == 0


async def test_cents_are_taken_from_the_card_once_in_one_sum(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    assert (tab.state, tab.left) == ("open", CEILING)
    for cents in (30, 40, 50):
        assert (await buy(shop, ada, cents)).state == "paid"
    closed = await close(shop, tab)
    assert (closed.state, closed.captured, closed.left) == ("closed", 120, 0)
    assert await asyncio.to_thread(captures, shop) == [(tab.tab_id, 120, True)]
    assert (await close(shop, tab)).captured == 120
    assert len(await asyncio.to_thread(captures, shop)) == 1
    await even(shop, tab)


async def test_nothing_is_spent_above_the_ceiling_at_two_stations_at_once(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    answers = await asyncio.gather(
        buy(shop, ada, 600), buy(shop, ada, 600, station=OTHER_STATION), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Insufficient", "Session"]
    assert any(isinstance(answer, Insufficient) for answer in answers)
    assert (await close(shop, tab)).captured == 600


async def test_a_refund_before_the_capture_lowers_it(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    await buy(shop, ada, 200)
    bought = await buy(shop, ada, 300)
    await shop.engine.checkout.refund(M, bought.sale_id or "", None, "stale", key="back", by=SELLER)
    assert (await close(shop, tab)).captured == 200
    await even(shop, tab)


async def test_a_refund_after_the_capture_is_owed_and_said(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    bought = await buy(shop, ada, 300)
    await close(shop, tab)
    await shop.engine.checkout.refund(M, bought.sale_id or "", None, "stale", key="back", by=SELLER)
    assert (await shop.engine.tabs.get(M, tab.tab_id)).left == 300
    paid = await shop.engine.tabs.pay_back(M, tab.tab_id, "cash", "stale bread", key="owed", by=SELLER)
    assert (paid.left, paid.captured) == (0, 300)


async def test_a_tab_without_sales_lets_the_hold_go(shop: Shop) -> None:
    tab = await open_tab(shop, await shop.customer())
    assert (await close(shop, tab)).state == "closed"
    held = await asyncio.to_thread(shop.terminal.book.find, tab.tab_id)
    assert held is not None
    assert held.cancelled
    await even(shop, tab)


@pytest.mark.parametrize("amount", [UNHEARD, SLOW])
async def test_a_capture_without_an_answer_is_asked_and_never_made_again(shop: Shop, amount: int) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    await buy(shop, ada, amount)
    assert (await close(shop, tab)).state == "closing"
    with pytest.raises(Conflict) as refused:
        await buy(shop, ada, 1)
    assert refused.value.code == "no-tab"
    for _ in range(3):
        await shop.engine.tabs.round()
    assert (await shop.engine.tabs.get(M, tab.tab_id)).captured == amount
    assert await asyncio.to_thread(captures, shop) == [(tab.tab_id, amount, True)]
    await even(shop, tab)


async def test_a_declined_capture_leaves_what_the_customer_owes(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    await buy(shop, ada, DECLINED)
    closed = await close(shop, tab)
    assert (closed.state, closed.spent, closed.captured) == ("unpaid", DECLINED, 0)
    assert await shop.balance("tabs") == -DECLINED


async def test_a_terminal_that_is_away_is_asked_again_later(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    await buy(shop, ada, AWAY)
    assert (await close(shop, tab)).state == "closing"
    await shop.engine.tabs.round()
    assert (await shop.engine.tabs.get(M, tab.tab_id)).state == "closing"
    assert await asyncio.to_thread(captures, shop) == []


class Killed(BaseException):
    """The process ends here."""


def dying(call: Callable[..., Awaitable[PaymentResult]], *, after: bool) -> Callable[..., Awaitable[PaymentResult]]:
    async def die(*words: object) -> PaymentResult:
        if after:
            await call(*words)
        raise Killed

    return die


@pytest.mark.parametrize("after", [False, True])
async def test_killed_around_the_capture_it_is_taken_exactly_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    await buy(shop, ada, 120)
    with monkeypatch.context() as patch:
        patch.setattr(shop.terminal, "capture_hold", dying(shop.terminal.capture_hold, after=after))
        with pytest.raises(Killed):
            await close(shop, tab)
    await shop.restart()
    await shop.engine.tabs.round()
    assert (await shop.engine.tabs.get(M, tab.tab_id)).state == "closed"
    assert await asyncio.to_thread(captures, shop) == [(tab.tab_id, 120, True)]
    await even(shop, tab)


@pytest.mark.parametrize(("after", "state"), [(False, "declined"), (True, "open")])
async def test_killed_around_the_hold_the_terminal_says_how_it_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, after: bool, state: str
) -> None:
    ada = await shop.customer()
    with monkeypatch.context() as patch:
        patch.setattr(shop.terminal, "hold", dying(shop.terminal.hold, after=after))
        with pytest.raises(Killed):
            await open_tab(shop, ada)
    await shop.restart()
    await shop.engine.tabs.round()
    (tab,) = await shop.engine.tabs.of_customer(M, ada)
    assert tab.state == state
    again = await open_tab(shop, ada)
    assert again.tab_id == tab.tab_id, "the same key is the same tab"


async def test_a_customer_has_one_tab_within_the_most_and_proves_who_they_are(shop: Shop) -> None:
    ada = await shop.customer()
    await open_tab(shop, ada)
    with pytest.raises(Conflict) as second:
        await open_tab(shop, ada, key="second")
    assert second.value.code == "tab-open"
    bob = await shop.customer("Bob")
    with pytest.raises(RequestError) as much:
        await open_tab(shop, bob, 2001, key="bob")
    assert much.value.path == "$.ceiling"
    session = await shop.engine.stations.open(M, OTHER_STATION)
    session = await shop.identify(session, bob, "identify")
    with pytest.raises(Forbidden):
        await shop.engine.tabs.open(M, session.session_id, 100, key="x", by=SELLER)


async def test_stored_value_is_not_bought_on_a_tab(shop: Shop) -> None:
    ada = await shop.customer()
    await open_tab(shop, ada)
    load = (BasketEntry(code=WALLET, amount=100),)
    session = await shop.identify(await shop.engine.stations.open(M, STATION, load), ada)
    with pytest.raises(Conflict) as refused:
        await shop.pay(await shop.accept(session), "tab")
    assert refused.value.code == "value-on-tab"


async def test_a_tab_closes_by_itself_when_it_is_old_or_nearly_spent(shop: Shop) -> None:
    ada, bob = await shop.customer(), await shop.customer("Bob")
    spent = await open_tab(shop, ada)
    await buy(shop, ada, 960)
    old = await open_tab(shop, bob, key="bob")
    await buy(shop, bob, 20)
    await shop.engine.tabs.round()
    assert (await shop.engine.tabs.get(M, spent.tab_id)).captured == 960
    assert (await shop.engine.tabs.get(M, old.tab_id)).state == "open"
    shop.clock.forward(TabRules().hours * 3600)
    await shop.engine.tabs.round()
    assert (await shop.engine.tabs.get(M, old.tab_id)).captured == 20
    assert await asyncio.to_thread(shop.terminal.book.find, capture_ref(old.tab_id)) is not None


async def test_a_status_that_could_not_be_asked_for_says_nothing_of_the_hold(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card may be held: the tab goes on waiting for the terminal's word."""
    ada = await shop.customer()
    with monkeypatch.context() as patch:
        patch.setattr(shop.terminal, "hold", dying(shop.terminal.hold, after=True))
        with pytest.raises(Killed):
            await open_tab(shop, ada)
    await shop.restart()

    async def away(_: str) -> PaymentResult:
        raise DeviceError("terminal-away", "The terminal cannot be reached; nothing was sent.")

    with monkeypatch.context() as patch:
        patch.setattr(shop.terminal, "status", away)
        await shop.engine.tabs.round()
    (tab,) = await shop.engine.tabs.of_customer(M, ada)
    assert tab.state == "opening"
    await shop.engine.tabs.round()
    (tab,) = await shop.engine.tabs.of_customer(M, ada)
    assert tab.state == "open"


async def test_a_refund_while_the_capture_is_under_way_is_owed(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    bought = await buy(shop, ada, UNHEARD)
    assert (await close(shop, tab)).state == "closing"
    await shop.engine.checkout.refund(M, bought.sale_id or "", None, "stale", key="back", by=SELLER)
    await shop.engine.tabs.round()
    closed = await shop.engine.tabs.get(M, tab.tab_id)
    assert (closed.state, closed.captured, closed.left) == ("closed", UNHEARD, UNHEARD)
    assert await shop.balance("tabs") == 0
    paid = await shop.engine.tabs.pay_back(M, tab.tab_id, "cash", "stale bread", key="owed", by=SELLER)
    assert paid.left == 0


async def test_what_was_never_taken_from_the_card_is_not_paid_back(shop: Shop) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    bought = await buy(shop, ada, DECLINED)
    assert (await close(shop, tab)).state == "unpaid"
    await shop.engine.checkout.refund(M, bought.sale_id or "", None, "stale", key="back", by=SELLER)
    with pytest.raises(Conflict) as refused:
        await shop.engine.tabs.pay_back(M, tab.tab_id, "cash", "stale bread", key="owed", by=SELLER)
    assert refused.value.code == "nothing-left"


async def test_a_card_held_for_less_than_the_ceiling_opens_no_tab(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spent above what is held could not be taken."""
    hold = shop.terminal.hold

    async def partly(station_id: str, hold_ref: str, amount: int, currency: str) -> PaymentResult:
        return replace(await hold(station_id, hold_ref, amount, currency), amount=amount - 1)

    monkeypatch.setattr(shop.terminal, "hold", partly)
    tab = await open_tab(shop, await shop.customer())
    assert (tab.state, tab.reason) == ("declined", "999 held, not 1000")
    held = await asyncio.to_thread(shop.terminal.book.find, tab.tab_id)
    assert held is not None
    assert held.cancelled


async def test_a_tab_opened_under_a_merged_record_is_that_of_who_lives_on(shop: Shop) -> None:
    ada, bob = await shop.customer(), await shop.customer("Bob")
    session = await shop.identify(await shop.engine.stations.open(M, STATION), ada)
    await shop.engine.clientele.merges.merge(M, bob, ada, key="merge", by=SELLER)
    tab = await shop.engine.tabs.open(M, session.session_id, CEILING, key="tab", by=SELLER)
    assert (tab.state, tab.customer_id) == ("open", bob)


async def silent(shop: Shop, customer_id: str, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """A tab whose hold was killed before the terminal heard of it, and whose terminal answers nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(shop.terminal, "hold", dying(shop.terminal.hold, after=True))
        with pytest.raises(Killed):
            await open_tab(shop, customer_id)
    await shop.restart()
    (tab,) = await shop.engine.tabs.of_customer(M, customer_id)
    return tab


async def test_a_hold_that_no_terminal_tells_of_is_ended_by_a_person(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said not to be held is let go at the terminal, and the customer may open another tab."""
    ada = await shop.customer()
    tab = await silent(shop, ada, monkeypatch)
    [waiting] = await shop.sql.read(lambda: in_doubt(M))
    assert (waiting.kind, waiting.checkout_id, waiting.amount) == ("tab_hold", tab.tab_id, CEILING)
    with pytest.raises(RequestError):
        await shop.engine.tabs.resolve(M, tab.tab_id, "declined", " ", by=SELLER)
    ended = await shop.engine.tabs.resolve(M, tab.tab_id, "declined", "no slip", by=SELLER)
    assert (ended.state, ended.reason) == ("declined", "no slip")
    held = await asyncio.to_thread(shop.terminal.book.find, tab.tab_id)
    assert held is not None
    assert held.cancelled
    assert await shop.sql.read(lambda: in_doubt(M)) == []
    with pytest.raises(Conflict) as over:
        await shop.engine.tabs.resolve(M, tab.tab_id, "approved", "the slip", by=SELLER)
    assert over.value.code == "not-in-doubt"
    assert (await open_tab(shop, ada, key="another")).state == "open"


async def test_a_hold_that_a_person_saw_can_be_spent_and_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await shop.customer()
    tab = await silent(shop, ada, monkeypatch)
    opened = await shop.engine.tabs.resolve(M, tab.tab_id, "approved", "the slip", by=SELLER)
    assert (opened.state, opened.left) == ("open", CEILING)
    await buy(shop, ada, 120)
    assert (await close(shop, tab)).captured == 120
    await even(shop, tab)


@pytest.mark.parametrize(("word", "state", "owed"), [("approved", "closed", 0), ("declined", "unpaid", AWAY)])
async def test_a_capture_that_no_terminal_tells_of_is_ended_by_a_person(
    shop: Shop, word: TabEnd, state: str, owed: int
) -> None:
    ada = await shop.customer()
    tab = await open_tab(shop, ada)
    await buy(shop, ada, AWAY)
    assert (await close(shop, tab)).state == "closing"
    [waiting] = await shop.sql.read(lambda: in_doubt(M))
    assert (waiting.kind, waiting.amount) == ("tab_capture", AWAY)
    ended = await shop.engine.tabs.resolve(M, tab.tab_id, word, "the slip", by=SELLER)
    assert (ended.state, await shop.balance("tabs")) == (state, -owed)
    await shop.engine.tabs.round()
    assert await asyncio.to_thread(captures, shop) == []
