"""A session goes on at another station: whoever acts at the same time, one wins and nothing is lost."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query, Sessions
from poi_engine.session import Session
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey

Act = Callable[[], Awaitable[object]]


class Meanwhile:
    """An engine on the shop's storage; just before its next change of a session is stored, somebody else acts."""

    def __init__(self, shop: Shop, act: Act) -> None:
        self._sessions: Any = shop.sessions
        self._act: Act | None = act
        shop.sessions = cast("Sessions", self)
        self.engine = shop.build()
        shop.sessions = self._sessions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sessions, name)

    async def save(self, session: Session, *, expected_revision: int | None) -> bool:
        """Let the other one be faster, once."""
        act, self._act = self._act, None
        if act is not None:
            await act()
        return bool(await self._sessions.save(session, expected_revision=expected_revision))


async def refused(act: Awaitable[object]) -> str:
    """The code of the refusal."""
    with pytest.raises(Conflict) as wrong:
        await act
    return wrong.value.code


async def test_the_screens_left_behind_are_told(shop: Shop) -> None:
    session = await shop.basket(100)
    moved = await shop.engine.handovers.hand_over(M, session.session_id, OTHER_STATION)
    assert (moved.station_id, moved.basket) == (OTHER_STATION, session.basket)
    assert shop.seen.left == [(session.session_id, STATION)]
    assert shop.seen.sessions[-1] == moved


async def test_a_station_where_somebody_is_served_takes_no_other_session(shop: Shop) -> None:
    here, there = await shop.basket(100), await shop.basket(200, station=OTHER_STATION)
    assert not await shop.engine.handovers.is_free(M, OTHER_STATION)
    assert await refused(shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)) == "station-busy"
    assert await shop.engine.stations.current(M, OTHER_STATION) == there
    assert await shop.engine.stations.current(M, STATION) == here


async def test_an_open_session_with_nothing_in_it_makes_room(shop: Shop) -> None:
    here = await shop.basket(100)
    blank = await shop.engine.stations.open(M, OTHER_STATION)
    assert await shop.engine.handovers.is_free(M, OTHER_STATION)
    moved = await shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)
    assert await shop.engine.stations.current(M, OTHER_STATION) == moved
    assert (await shop.engine.stations.get(M, blank.session_id)).state == "abandoned"


async def test_a_sale_begun_there_at_the_same_moment_keeps_its_station(shop: Shop) -> None:
    """The other counter scans its first product while the session is on its way."""
    here = await shop.basket(100)

    async def begin_there() -> None:
        await shop.basket(200, station=OTHER_STATION)

    slow = Meanwhile(shop, begin_there)
    assert await refused(slow.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)) == "station-busy"
    there = await shop.engine.stations.current(M, OTHER_STATION)
    assert there is not None
    assert there.basket.subtotal == 200
    assert await shop.engine.stations.current(M, STATION) == here


async def test_of_two_who_hand_the_same_session_over_the_slower_is_told(shop: Shop) -> None:
    await third_station(shop)
    here = await shop.basket(100)
    slow = Meanwhile(shop, lambda: shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION))
    assert await refused(slow.engine.handovers.hand_over(M, here.session_id, "sta_3", here)) == "handed-over"
    current = [await shop.engine.stations.current(M, station) for station in (STATION, OTHER_STATION, "sta_3")]
    assert [one and one.session_id for one in current] == [None, here.session_id, None]


async def test_who_cancels_here_does_not_end_what_goes_on_there(shop: Shop) -> None:
    here = await shop.basket(100)
    moved = await shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)
    assert await refused(shop.engine.stations.abandon(M, here.session_id, here)) == "handed-over"
    assert await shop.engine.stations.current(M, OTHER_STATION) == moved


async def test_a_total_accepted_here_while_the_session_leaves_is_not_paid(shop: Shop) -> None:
    """What was reserved is let go; the sale is paid where the session is now, once."""
    here = await shop.basket(100)
    assert here.decision is not None
    slow = Meanwhile(shop, lambda: shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION))
    accepting = slow.engine.checkout.accept(
        M, here.session_id, here.decision_id or "", here.decision.total, by=SELLER, known=here
    )
    assert await refused(accepting) == "decision-changed"
    moved = await shop.engine.stations.current(M, OTHER_STATION)
    assert moved is not None
    paid = await shop.pay(await shop.accept(moved))
    assert (paid.state, paid.station_id) == ("paid", OTHER_STATION)
    assert await shop.rows("select station_id, total from sale where merchant_id = ?", (M,)) == [
        {"station_id": OTHER_STATION, "total": 100}
    ]


async def test_a_session_whose_total_was_accepted_goes_on_accepted(shop: Shop) -> None:
    here = await shop.basket(100)
    slow = Meanwhile(shop, lambda: shop.accept(here))
    moved = await slow.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)
    assert (moved.station_id, moved.state, moved.decision_id) == (OTHER_STATION, "paying", here.decision_id)
    assert (await shop.pay(moved)).state == "paid"
    assert await shop.rows("select station_id from checkout") == [{"station_id": OTHER_STATION}]


async def test_a_session_handed_there_and_back_is_found_here(shop: Shop) -> None:
    here = await shop.basket(100)
    await shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)
    back = await shop.engine.handovers.hand_over(M, here.session_id, STATION)
    assert await shop.engine.stations.current(M, STATION) == back
    assert await shop.engine.stations.current(M, OTHER_STATION) is None


async def test_a_session_stays_in_its_store(shop: Shop) -> None:
    await third_station(shop, store_id="sto_2")
    here = await shop.basket(100)
    assert await refused(shop.engine.handovers.hand_over(M, here.session_id, "sta_3")) == "other-store"


async def test_the_next_customer_is_served_where_the_session_left(shop: Shop) -> None:
    here = await shop.basket(100)
    await shop.engine.handovers.hand_over(M, here.session_id, OTHER_STATION)
    entry = BasketEntry(amount=300)
    following = await shop.engine.stations.open(M, STATION, [entry])
    assert following.session_id != here.session_id
    assert following.basket.subtotal == 300


async def third_station(shop: Shop, store_id: str = "sto_1") -> None:
    """One more station, in this store or another."""

    def job() -> Job[None]:
        yield Query(
            "insert into store (merchant_id, store_id, name, address, lat, lon, zone, regions) "
            "values (?, 'sto_2', 'Nord', '', null, null, 'Europe/Paris', '[]')",
            (M,),
        )
        yield Query(
            "insert into station (merchant_id, store_id, station_id, name, vat_rate, connector) values (?,?,?,?,?,?)",
            (M, store_id, "sta_3", "sta_3", 2000, "simulator"),
        )

    await shop.sql.write(job)
