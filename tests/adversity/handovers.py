"""What the tills of two stations do with a session that is paid in part and goes on at the other one."""

import asyncio

from poi_engine.errors import Conflict
from poi_engine.session import Session
from tests.adversity.till import STATION, TRIES, M, Shop, expect_paid
from tests.engine.shop import OTHER_STATION, SELLER


async def handed_over(shop: Shop) -> None:
    """5.00 in cash at the one station, the rest by card at the other."""
    session = await _paid_in_part(shop)
    shop.killer.armed = True
    if session.state == "paying":
        moved = await shop.engine.handovers.hand_over(M, session.session_id, OTHER_STATION)
        assert (moved.station_id, moved.basket, moved.checkout_id) == (
            OTHER_STATION,
            session.basket,
            session.checkout_id,
        )
    await _rest_paid(shop)
    assert [row["station_id"] for row in await shop.rows("select station_id from sale")] == [OTHER_STATION]


async def handed_over_too_late(shop: Shop) -> None:
    """The rest is begun by card between the hand-over's look and its step: it stays where the terminal is asked."""
    session = await _paid_in_part(shop)
    shop.killer.armed = True
    if session.state == "paying" and not shop.memory["tried"]:
        shop.memory.remember("tried", True)
        await _hand_over_while_paying(shop)
    await _rest_paid(shop)
    (row,) = await shop.rows("select station_id from sale")
    assert row["station_id"] in (STATION, OTHER_STATION)


async def _hand_over_while_paying(shop: Shop) -> None:
    shop.terminal.busy, paying = asyncio.Event(), list[asyncio.Task[Session]]()

    async def begin() -> None:
        paying.append(asyncio.create_task(_pay_rest(shop)))
        await shop.terminal.asked.wait()

    shop.sessions.meanwhile = begin
    try:
        await shop.engine.handovers.hand_over(M, shop.memory["session"], OTHER_STATION)
    except Conflict as error:
        assert error.code == "payment-under-way", error.code
    else:
        raise AssertionError("it was handed over while a terminal was busy with it")
    shop.terminal.busy.set()
    assert (await paying[0]).station_id == STATION


async def _paid_in_part(shop: Shop) -> Session:
    await shop.opened(2000)
    return await shop.paid_in_parts(1800, (("cash", 500),))


async def _rest_paid(shop: Shop) -> None:
    """Until the sale is there: at the station where the screens show the session, each try once."""
    for _ in range(TRIES):
        session = await shop.look()
        if session.state == "paid":
            return expect_paid(session, 1800)
        try:
            if session.state == "unknown":
                await shop.engine.checkout.ask_status(M, session.session_id)
            else:
                await _pay_rest(shop)
        except Conflict as error:
            assert error.code == "payment-under-way", error.code
            await asyncio.sleep(0.05)
    raise AssertionError("the rest was never paid")


async def _pay_rest(shop: Shop) -> Session:
    session = await shop.look()
    key = f"rest-{len(session.tenders)}"
    return await shop.engine.checkout.pay(
        M, session.session_id, "card", station_id=session.station_id, key=key, by=SELLER
    )
