"""What the server does from time to time: no round waits for another, and none is the last."""

import asyncio
import logging

import pytest

from poi_engine.errors import Conflict
from poi_engine.rounds import Rounds
from tests.engine.shop import Shop


async def test_a_long_round_delays_no_other_and_a_failing_one_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    never, again = asyncio.Event(), asyncio.Event()
    tried = {"broken": 0, "refused": 0, "payments": 0}

    async def long() -> None:
        await never.wait()

    async def broken() -> None:
        tried["broken"] += 1
        raise ValueError("a fault of ours")

    async def refused() -> None:
        tried["refused"] += 1
        raise Conflict("storage-away", "SQL is away.")

    async def payments() -> None:
        tried["payments"] += 1
        if min(tried.values()) >= 3:
            again.set()

    rounds = Rounds({"retention": long, "prices": broken, "orders": refused, "recovery": payments}, 0.001)
    with caplog.at_level(logging.WARNING, logger="poi_engine.rounds"):
        rounds.start()
        await asyncio.wait_for(again.wait(), 20)
        await rounds.close()
    messages = {record.getMessage() for record in caplog.records}
    assert messages == {"prices failed", "orders: storage-away"}


async def test_closed_in_the_middle_of_a_round_nothing_goes_on() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def long() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    rounds = Rounds({"retention": long}, 0)
    rounds.start()
    await begun.wait()
    await rounds.close()
    assert ended.is_set()


@pytest.mark.valkey
async def test_a_payment_in_doubt_is_asked_about_while_retention_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = asyncio.Event()

    async def told(*_: str) -> None:
        committed.set()

    monkeypatch.setattr(shop.seen, "sale_committed", told)
    monkeypatch.setattr("poi_engine.engine.ROUND_SECONDS", 0.01)
    shop.engine = shop.build()
    monkeypatch.setattr(shop.engine.clientele.retention, "_settle_erased", _forever)
    await shop.engine.start()
    try:
        doubtful = await shop.pay(await shop.accept(await shop.basket(1013)))
        assert doubtful.state == "unknown"
        await asyncio.wait_for(committed.wait(), 20)
    finally:
        await shop.engine.close()


async def _forever(_: str) -> None:
    await asyncio.Event().wait()
