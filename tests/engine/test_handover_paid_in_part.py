"""A session paid in part goes on at another station: one sale, each cent once, whatever fails on the way."""

import asyncio
from typing import Any

import pytest

from poi_engine.errors import DeviceError
from poi_engine.ports import Capabilities, PaymentResult
from poi_engine.session import Session
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop
from tests.engine.test_handover import Meanwhile, refused

pytestmark = pytest.mark.valkey
UNHEARD = 1013


class Slow:
    """The shop's terminal; it answers once it is told to go on."""

    name = "simulator"

    def __init__(self, shop: Shop) -> None:
        self._terminal = shop.terminal
        self.capabilities = shop.terminal.capabilities
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def authorise(self, *given: Any) -> PaymentResult:
        """Wait, then ask."""
        self.asked.set()
        await self.go_on.wait()
        return await self._terminal.authorise(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)


async def paid_in_part(shop: Shop) -> Session:
    """3.00 of 30.00 paid in cash and 5.00 by card at the first counter."""
    session = await shop.accept(await shop.basket(3000))
    await shop.pay(session, "cash", amount=300)
    return await shop.pay(session, "card", amount=500)


async def hand_over(shop: Shop, session: Session, station_id: str = OTHER_STATION) -> Session:
    """The session at another counter."""
    return await shop.engine.handovers.hand_over(M, session.session_id, station_id)


async def sold(shop: Shop) -> list[tuple[object, object]]:
    """Where sales were made, and of how much."""
    return [(row["station_id"], row["total"]) for row in await shop.rows("select station_id, total from sale")]


async def test_what_was_paid_here_counts_there(shop: Shop) -> None:
    part = await paid_in_part(shop)
    moved = await hand_over(shop, part)
    assert (moved.station_id, moved.state, moved.due) == (OTHER_STATION, "paying", 2200)
    assert (moved.tenders, moved.basket, moved.decision_id) == (part.tenders, part.basket, part.decision_id)
    assert shop.seen.left == [(part.session_id, STATION)]
    assert await shop.engine.stations.current(M, STATION) is None
    paid = await shop.pay(moved, "card")
    assert (paid.state, paid.station_id) == ("paid", OTHER_STATION)
    assert await sold(shop) == [(OTHER_STATION, 3000)]
    assert await shop.rows("select station_id from journal") == [{"station_id": OTHER_STATION}]
    taken = [(one.means, one.amount, one.state) for one in paid.tenders]
    assert taken == [("cash", 300, "captured"), ("card", 500, "captured"), ("card", 2200, "captured")]


async def test_the_next_customer_pays_where_the_session_left(shop: Shop) -> None:
    moved = await hand_over(shop, await paid_in_part(shop))
    assert (await shop.sell(700, means="cash")).state == "paid"
    assert (await shop.pay(moved, "cash")).state == "paid"
    assert sorted(await sold(shop)) == [(STATION, 700), (OTHER_STATION, 3000)]


async def test_there_and_back_again_it_is_one_sale(shop: Shop) -> None:
    moved = await hand_over(shop, await paid_in_part(shop))
    assert (await shop.pay(moved, "cash", amount=100)).due == 2100
    back = await hand_over(shop, moved, STATION)
    assert (await shop.pay(back, "cash")).state == "paid"
    assert await sold(shop) == [(STATION, 3000)]


async def test_while_the_terminal_is_busy_it_stays_with_a_reason(shop: Shop) -> None:
    session, terminal = await shop.accept(await shop.basket(3000)), Slow(shop)
    await shop.pay(session, "cash", amount=300)
    shop.connectors = {"simulator": terminal}  # type: ignore[dict-item]
    shop.engine = shop.build()
    paying = asyncio.create_task(shop.pay(session, "card", amount=500))
    await terminal.asked.wait()
    assert await refused(hand_over(shop, session)) == "payment-under-way"
    terminal.go_on.set()
    assert (await paying).due == 2200
    assert (await hand_over(shop, session)).due == 2200


async def test_a_doubt_ends_where_it_arose(shop: Shop) -> None:
    part = await paid_in_part(shop)
    unknown = await shop.pay(part, "card", amount=UNHEARD)
    assert await refused(hand_over(shop, unknown)) == "payment-unknown"
    await shop.engine.resolving.payment(M, part.session_id, "paid", "the slip", by=SELLER)
    assert (await hand_over(shop, part)).due == 2200 - UNHEARD


async def test_where_nothing_counts_it_does_not_go(shop: Shop) -> None:
    part = await paid_in_part(shop)
    assert await shop.engine.fiscal.train(M, OTHER_STATION, True, by=SELLER)
    assert await refused(hand_over(shop, part)) == "in-training"
    assert (await shop.pay(part, "cash")).state == "paid"


async def test_an_exercise_stays(shop: Shop) -> None:
    assert await shop.engine.fiscal.train(M, STATION, True, by=SELLER)
    exercise = await shop.accept(await shop.basket(1000))
    assert await refused(hand_over(shop, exercise)) == "illegal-move"


async def test_a_total_that_counts_on_the_card_read_here_stays(shop: Shop) -> None:
    session = await shop.engine.stations.see_card(M, (await shop.basket(1000)).session_id)
    accepted = await shop.accept(session)
    assert await refused(hand_over(shop, accepted)) == "illegal-move"


async def test_a_part_taken_in_the_moment_of_the_hand_over_counts_there_too(shop: Shop) -> None:
    part = await paid_in_part(shop)
    slow = Meanwhile(shop, lambda: shop.pay(part, "cash", amount=200))
    moved = await slow.engine.handovers.hand_over(M, part.session_id, OTHER_STATION)
    assert (moved.station_id, moved.due) == (OTHER_STATION, 2000)


async def test_of_a_last_payment_there_and_one_here_at_once_one_is_taken(shop: Shop) -> None:
    part = await paid_in_part(shop)
    moved = await hand_over(shop, part)
    got = await asyncio.gather(shop.pay(part, "cash"), shop.pay(moved, "cash"), return_exceptions=True)
    paid = [one for one in got if isinstance(one, Session)]
    assert [one.state for one in paid] == ["paid"]
    assert [total for _, total in await sold(shop)] == [3000]


async def test_after_a_crash_it_is_where_it_was_handed_to(shop: Shop) -> None:
    """Redis has forgotten the hand-over; SQL has not."""
    moved = await hand_over(shop, await paid_in_part(shop))
    await shop.sessions.forget_everything()  # type: ignore[attr-defined]
    await shop.restart()
    found = await shop.engine.stations.get(M, moved.session_id)
    assert (found.station_id, found.due) == (OTHER_STATION, 2200)
    assert (await shop.pay(moved, "cash", amount=200)).due == 2000


async def test_killed_between_its_two_writes_it_goes_on_where_the_screens_show_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = await paid_in_part(shop)
    write = shop.sql.write

    async def killed(job: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(shop.sql, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        await hand_over(shop, part)
    monkeypatch.setattr(shop.sql, "write", write)
    await shop.restart()
    found = await shop.engine.stations.current(M, OTHER_STATION)
    assert found is not None
    assert (await shop.pay(found, "cash")).station_id == OTHER_STATION
    assert await sold(shop) == [(OTHER_STATION, 3000)]


async def test_a_card_payment_begun_in_the_moment_of_the_hand_over_keeps_it_here(shop: Shop) -> None:
    """The terminal is asked between the hand-over's look and its step: one basket, one payment, at one station."""
    part, terminal = await paid_in_part(shop), Slow(shop)
    shop.connectors = {"simulator": terminal}  # type: ignore[dict-item]
    shop.engine = shop.build()
    paying: list[asyncio.Task[Session]] = []

    async def begin() -> None:
        paying.append(asyncio.create_task(shop.pay(part, "card")))
        await terminal.asked.wait()

    slow = Meanwhile(shop, begin)
    assert await refused(slow.engine.handovers.hand_over(M, part.session_id, OTHER_STATION)) == "payment-under-way"
    here = await shop.engine.stations.current(M, STATION)
    assert (here and here.session_id, await shop.engine.stations.current(M, OTHER_STATION)) == (part.session_id, None)
    assert shop.seen.left == [(part.session_id, OTHER_STATION)], "the other screen lets it go again"
    terminal.go_on.set()
    paid = await paying[0]
    assert (paid.state, paid.station_id) == ("paid", STATION)
    assert await sold(shop) == [(STATION, 3000)]


async def test_who_pays_here_after_it_has_gone_is_told_and_no_terminal_is_asked(shop: Shop) -> None:
    part = await paid_in_part(shop)
    moved = await hand_over(shop, part)
    asked = len(await shop.operations())
    for means in ("card", "cash"):
        assert await refused(shop.pay(part, means)) == "handed-over"
    assert len(await shop.operations()) == asked
    assert (await shop.pay(moved, "card")).station_id == OTHER_STATION


async def test_paid_here_and_handed_over_at_once_it_is_one_sale_where_the_session_is(shop: Shop) -> None:
    for amount in range(1000, 1600, 100):
        session = await shop.accept(await shop.basket(amount))
        means = "card" if amount % 200 else "cash"
        paid, moved = await asyncio.gather(shop.pay(session, means), hand_over(shop, session), return_exceptions=True)
        if isinstance(paid, BaseException):
            assert isinstance(moved, Session)
            await shop.pay(moved, means)
        [row] = await shop.rows("select station_id from sale where total = ?", (amount,))
        assert row["station_id"] == (await shop.engine.stations.get(M, session.session_id)).station_id


async def test_a_card_taken_here_is_given_back_here(shop: Shop) -> None:
    """The other counter's terminal knows nothing of it."""
    given_back: list[object] = []

    class NoCancel:
        name, capabilities = "simulator", Capabilities(refund=True, cancel=False)

        async def refund(self, station_id: str, *given: Any) -> PaymentResult:
            given_back.append(station_id)
            return await shop.terminal.refund(station_id, *given)

        async def cancel(self, _reference: str) -> PaymentResult:
            raise DeviceError("no-cancel", "It cannot.")

        def __getattr__(self, name: str) -> Any:
            return getattr(shop.terminal, name)

    shop.connectors = {"simulator": NoCancel()}  # type: ignore[dict-item]
    shop.engine = shop.build()
    moved = await hand_over(shop, await paid_in_part(shop))
    assert (await shop.pay(moved, "card", amount=700)).due == 1500
    ended = await shop.engine.stations.abandon(M, moved.session_id)
    assert ended.state == "abandoned"
    assert sorted(map(str, given_back)) == [STATION, OTHER_STATION]
    assert {one.state for one in ended.tenders} == {"reversed"}
