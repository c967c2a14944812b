"""What every payment connector keeps, with its device by its own book as the judge of what moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from poi_engine.errors import DeviceError, PoiError, RequestError
from poi_engine.ports import HoldingConnector
from tests.connectors.rigs import RIGS, Rig, S, rigged


@pytest.fixture(params=RIGS, ids=lambda rig: rig.__name__)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each connector in turn."""
    async with rigged(request.param, tmp_path) as made:
        yield made


async def test_a_reference_pays_once_and_answers_the_same_to_every_process(rig: Rig) -> None:
    connector = rig.connector()
    assert connector.name == rig.entry
    paid = await connector.authorise(S, "pay_1", 1590, "EUR", None)
    assert (paid.outcome, paid.payment_ref, paid.amount) == ("approved", "pay_1", 1590)
    assert await connector.authorise(S, "pay_1", 1590, "EUR", None) == paid
    after = rig.connector()
    assert await after.authorise(S, "pay_1", 1590, "EUR", None) == paid
    assert await after.status("pay_1") == paid
    assert (await after.capture("pay_1", 1590)).outcome == "approved"
    assert await asyncio.to_thread(rig.moved) == 1590


async def test_a_refusal_moves_nothing_and_says_why(rig: Rig) -> None:
    rig.decline()
    connector = rig.connector()
    result = await connector.authorise(S, "pay_1", rig.declined, "EUR", None)
    assert (result.outcome, result.amount in (0, rig.declined), bool(result.reason)) == ("declined", True, True)
    assert (await connector.status("pay_1")).outcome == "declined"
    assert await asyncio.to_thread(rig.moved) == 0


async def test_refunds_give_back_at_most_what_is_left(rig: Rig) -> None:
    connector = rig.connector()
    await connector.authorise(S, "pay_1", 1590, "EUR", None)
    first = await connector.refund(S, "pay_1", "ref_1", 1000, "EUR")
    assert (first.outcome, first.amount) == ("approved", 1000)
    assert await connector.refund(S, "pay_1", "ref_1", 1000, "EUR") == first
    assert await rig.connector().refund(S, "pay_1", "ref_1", 1000, "EUR") == first
    too_much = await connector.refund(S, "pay_1", "ref_2", 591, "EUR")
    assert (too_much.outcome, bool(too_much.reason)) == ("declined", True)
    assert (await connector.refund(S, "pay_1", "ref_3", 590, "EUR")).outcome == "approved"
    assert (await connector.status("ref_3")).outcome == "approved"
    assert await asyncio.to_thread(rig.moved) == 0


async def test_a_lost_answer_is_unknown_and_never_sent_again(rig: Rig) -> None:
    connector = rig.connector()
    rig.lose_answers()
    said = await connector.authorise(S, "pay_1", rig.unheard, "EUR", None)
    assert (said.outcome, said.payment_ref) == ("unknown", "pay_1")
    await connector.authorise(S, "pay_1", rig.unheard, "EUR", None)
    learnt = await rig.connector().status("pay_1")
    assert learnt.outcome == ("approved" if connector.capabilities.status else "unknown")
    assert await asyncio.to_thread(rig.moved) == rig.unheard, "it was done, and done once"
    assert learnt.amount == (rig.unheard if connector.capabilities.status else 0)


async def test_what_never_left_is_a_device_error(rig: Rig) -> None:
    if rig.entry == "simulator":
        with pytest.raises(DeviceError):
            await rig.connector().authorise(S, "pay_1", 1016, "EUR", None)
        return
    with pytest.raises(DeviceError):
        await rig.away().authorise(S, "pay_1", 1590, "EUR", None)
    with pytest.raises(DeviceError) as nowhere:
        await rig.connector().authorise("sta_without", "pay_2", 1590, "EUR", None)
    assert nowhere.value.code == "no-terminal"
    assert await asyncio.to_thread(rig.moved) == 0


async def test_without_its_book_nothing_is_sent(rig: Rig) -> None:
    if rig.entry != "simulator":  # its book is its terminal's
        rig.folder = rig.folder / "no such folder"
        with pytest.raises(DeviceError) as error:
            await rig.connector().authorise(S, "pay_1", 1590, "EUR", None)
        assert error.value.code == "book-away"
        assert await asyncio.to_thread(rig.moved) == 0


async def test_a_reference_nobody_knows_is_never_told_as_paid(rig: Rig) -> None:
    connector = rig.connector()
    said = await connector.status("pay_never")
    assert said.outcome == ("not_found" if connector.capabilities.status else "unknown")


async def test_a_payment_is_undone_where_that_is_declared(rig: Rig) -> None:
    connector = rig.connector()
    await connector.authorise(S, "pay_1", 1590, "EUR", None)
    if not connector.capabilities.cancel:
        with pytest.raises(RequestError):
            await connector.cancel("pay_1")
        return
    for _ in range(2):
        assert (await connector.cancel("pay_1")).outcome == "approved"
    assert (await rig.connector().status("pay_1")).outcome == "declined"
    assert await asyncio.to_thread(rig.moved) == 0


async def test_a_reference_that_was_barred_never_pays(rig: Rig) -> None:
    connector = rig.connector()
    if connector.capabilities.cancel:
        assert (await connector.cancel("pay_1")).outcome == "approved"
        late = await rig.connector().authorise(S, "pay_1", 1590, "EUR", None)
        assert late.outcome == "declined"
        assert await asyncio.to_thread(rig.moved) == 0


async def test_the_card_comes_before_the_amount_where_that_is_declared(rig: Rig) -> None:
    connector = rig.connector()
    if not connector.capabilities.card_before_amount:
        with pytest.raises(PoiError):
            await connector.acquire_card(S, "acq_1", 2000, "EUR")
        return
    seen = await connector.acquire_card(S, "acq_1", 2000, "EUR")
    assert seen.acquisition_ref == "acq_1"
    assert seen.facts.scheme
    assert seen.facts.entry_mode
    assert await connector.acquire_card(S, "acq_1", 2000, "EUR") == seen
    paid = await rig.connector().authorise(S, "pay_1", 1590, "EUR", "acq_1")
    assert (paid.outcome, paid.facts.scheme) == ("approved", seen.facts.scheme)
    await connector.acquire_card(S, "acq_2", 2000, "EUR")
    assert (await connector.cancel("acq_2")).outcome == "approved"
    assert (await connector.authorise(S, "pay_2", 500, "EUR", None)).outcome == "approved"
    assert await asyncio.to_thread(rig.moved) == 2090


async def test_a_hold_is_captured_once_and_for_at_most_what_is_held(rig: Rig) -> None:
    connector = rig.connector()
    if not connector.capabilities.holds:
        assert not hasattr(connector, "hold")
        return
    holding = cast(HoldingConnector, connector)
    held = await holding.hold(S, "tab_1", 5000, "EUR")
    assert (held.outcome, held.amount) == ("approved", 5000)
    assert await holding.hold(S, "tab_1", 5000, "EUR") == held == await rig.connector().status("tab_1")
    assert (await holding.capture_hold(S, "tab_1", "tab_1.much", 5001)).outcome == "declined"
    taken = await holding.capture_hold(S, "tab_1", "tab_1.capture", 1230)
    assert (taken.outcome, taken.amount) == ("approved", 1230)
    assert await holding.capture_hold(S, "tab_1", "tab_1.capture", 1230) == taken
    assert (await rig.connector().status("tab_1.capture")).outcome == "approved"
    assert (await holding.capture_hold(S, "tab_1", "tab_1.again", 100)).outcome == "declined"
    assert await asyncio.to_thread(rig.moved) == 1230
    assert (await connector.refund(S, "tab_1.capture", "ref_1", 230, "EUR")).outcome == "approved"
    assert await asyncio.to_thread(rig.moved) == 1000


async def test_a_hold_that_is_let_go_takes_nothing(rig: Rig) -> None:
    connector = rig.connector()
    if connector.capabilities.holds:
        holding = cast(HoldingConnector, connector)
        await holding.hold(S, "tab_1", 5000, "EUR")
        assert (await connector.cancel("tab_1")).outcome == "approved"
        with suppress(DeviceError):  # what is let go may be told apart from what never was, or not
            assert (await holding.capture_hold(S, "tab_1", "tab_1.capture", 100)).outcome == "declined"
        assert await asyncio.to_thread(rig.moved) == 0


async def test_a_capture_whose_answer_is_lost_is_asked_about(rig: Rig) -> None:
    connector = rig.connector()
    if connector.capabilities.holds:
        holding = cast(HoldingConnector, connector)
        await holding.hold(S, "tab_1", 5000, "EUR")
        rig.lose_answers()
        assert (await holding.capture_hold(S, "tab_1", "tab_1.capture", rig.unheard)).outcome == "unknown"
        rig.hear_again()
        said = await rig.connector().status("tab_1.capture")
        assert (said.outcome, said.amount) == ("approved", rig.unheard)
        assert await asyncio.to_thread(rig.moved) == rig.unheard
