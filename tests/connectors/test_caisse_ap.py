"""The Caisse-AP connector against a terminal with every fault: what is not surely known is neither done nor failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from poi_engine.clock import SystemClock
from poi_engine.connectors.caisse_ap.connector import CaisseApConnector
from poi_engine.connectors.caisse_ap.dialogue import Terminal
from poi_engine.connectors.caisse_ap_terminal import Done, Fault, SimulatedTerminal
from poi_engine.connectors.sent import SentBook
from poi_engine.errors import DeviceError, RequestError
from tests.servers import unused_port

S = "sta_1"


def driving(terminals: dict[str, Terminal], book: str | Path = ":memory:") -> CaisseApConnector:
    """A connector; with a file it knows what another one did."""
    return CaisseApConnector(terminals, SentBook(book, SystemClock()))


@asynccontextmanager
async def counter(
    *faults: Fault, late: float = 0.4, **options: object
) -> AsyncIterator[tuple[CaisseApConnector, SimulatedTerminal]]:
    """A station's connector and its terminal."""
    terminal = SimulatedTerminal(*faults, late_seconds=late)
    port = await terminal.listen()
    settings = {"answer_seconds": 2.0, "idle_ms": 60, **options}
    connector = driving({S: Terminal(host="127.0.0.1", port=port, **settings)})  # type: ignore[arg-type]
    try:
        yield connector, terminal
    finally:
        await connector.close()
        await terminal.close()


async def test_a_payment_is_taken_and_tells_of_its_card() -> None:
    async with counter() as (connector, terminal):
        result = await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (result.outcome, result.amount, result.authorisation) == ("approved", 1590, "123456")
        assert (result.facts.scheme, result.facts.bin, result.facts.entry_mode) == ("cb", "497010", "contactless")
        assert terminal.book == [Done(action="0", amount=1590, done=True)]


async def test_a_refund_is_a_credit_at_the_station_where_the_customer_stands() -> None:
    async with counter() as (connector, terminal):
        assert (await connector.refund(S, "pay_1", "ref_1", 500, "EUR")).outcome == "approved"
        assert terminal.book == [Done(action="1", amount=500, done=True)]


@pytest.mark.parametrize(("amount", "reason"), [(1005, "refused"), (1006, "abandoned")])
@pytest.mark.parametrize("faults", [(), ("no-amount",), ("split", "stays-open"), ("taken-in",)])
async def test_a_refusal_says_why(amount: int, reason: str, faults: tuple[Fault, ...]) -> None:
    async with counter(*faults) as (connector, _):
        result = await connector.authorise(S, "pay_1", amount, "EUR", None)
        assert (result.outcome, result.reason) == ("declined", reason)


@pytest.mark.parametrize(
    "faults", [("split",), ("stays-open",), ("taken-in",), ("late",), ("taken-in", "late", "split")]
)
async def test_slow_and_chatty_terminals_are_waited_for(faults: tuple[Fault, ...]) -> None:
    async with counter(*faults) as (connector, terminal):
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "approved"
        assert len(terminal.book) == 1


async def test_a_pause_before_the_result_has_come_is_not_the_end_of_the_answer() -> None:
    """It stands whole after each field; only the result tells whether money moved."""
    async with counter("halting", late=0.012, idle_ms=10, answer_seconds=30.0) as (connector, terminal):
        result = await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (result.outcome, result.amount) == ("approved", 1590)
        assert len(terminal.requests) == 1


async def test_an_answer_without_a_result_is_waited_for_no_longer_than_any_other() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"CZ0040300CA00201CB0041590")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connector = driving({S: Terminal(host="127.0.0.1", port=port, answer_seconds=0.3, idle_ms=10)})
    result = await connector.authorise(S, "pay_1", 1590, "EUR", None)
    assert (result.outcome, "none in 0.3 s" in result.reason) == ("unknown", True)
    await connector.close()
    server.close()


_SAYS = {"oversize": "longer than 65536 bytes", "duplicate": "comes twice"}


@pytest.mark.parametrize("fault", ["silent", "hang-up", "duplicate", "oversize", "noise", "partial"])
async def test_after_the_request_was_sent_doubt_is_unknown_and_is_never_asked_again(fault: Fault) -> None:
    async with counter(fault, answer_seconds=0.5) as (connector, terminal):
        result = await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert result.outcome == "unknown"
        assert result.reason
        assert _SAYS.get(fault, "") in result.reason
        again = await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (again, (await connector.status("pay_1"))) == (result, result)
        assert len(terminal.requests) == 1, "one reference, one request"


async def test_an_answer_is_given_again_and_an_unheard_of_reference_is_unknown() -> None:
    async with counter() as (connector, terminal):
        first = await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert await connector.authorise(S, "pay_1", 1590, "EUR", None) == first
        assert await connector.status("pay_1") == first
        assert (await connector.status("pay_2")).outcome == "unknown"
        assert len(terminal.book) == 1


async def test_what_was_heard_outlives_the_process_and_what_was_sent_is_never_sent_again(tmp_path: Path) -> None:
    async with counter() as (connector, terminal):
        at = connector._terminals  # the same device, driven by processes with a book on disk
        first, second = driving(at, tmp_path / "book"), driving(at, tmp_path / "book")
        paid = await first.authorise(S, "pay_1", 1590, "EUR", None)
        assert await second.status("pay_1") == await second.authorise(S, "pay_1", 1590, "EUR", None) == paid
        await first._book.begin("pay_2", "authorise", S, 100)
        assert (await second.authorise(S, "pay_2", 100, "EUR", None)).outcome == "unknown"
        assert len(terminal.book) == 1
        await first.close()
        await second.close()


async def test_a_refund_never_exceeds_a_payment_in_the_book() -> None:
    async with counter() as (connector, terminal):
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (await connector.refund(S, "pay_1", "ref_1", 1000, "EUR")).outcome == "approved"
        assert (await connector.refund(S, "pay_1", "ref_2", 591, "EUR")).reason == "more than what is left"
        assert (await connector.refund(S, "pay_1", "ref_3", 590, "EUR")).outcome == "approved"
        assert [done.amount for done in terminal.book] == [1590, 1000, 590]


async def test_a_refund_that_stayed_unknown_is_a_persons_to_judge(tmp_path: Path) -> None:
    """The terminal cannot be asked, and whoever looked at it says so to the checkout alone: the book bars nobody."""
    async with counter() as (connector, terminal):
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        await connector._book.begin("ref_1", "refund", S, 1590, of_reference="pay_1")
        assert (await connector.refund(S, "pay_1", "ref_1", 1590, "EUR")).outcome == "unknown"
        assert (await connector.refund(S, "pay_1", "ref_2", 1590, "EUR")).outcome == "approved"
        assert (await connector.refund(S, "pay_1", "ref_3", 1, "EUR")).reason == "more than what is left"
        assert [done.amount for done in terminal.book] == [1590, 1590]


async def test_a_terminal_at_work_is_not_asked_how_it_is_by_another_process_either(tmp_path: Path) -> None:
    """`doctor` runs beside the server: a second connection in the middle of a payment makes some terminals drop it."""
    moved = asyncio.Event()
    terminal = SimulatedTerminal("silent", told=lambda _done: moved.set())
    options = Terminal(host="127.0.0.1", port=await terminal.listen(), answer_seconds=5.0)
    server, doctor = (driving({S: options}, tmp_path / "caisse-ap.db") for _ in range(2))
    paying = asyncio.create_task(server.authorise(S, "pay_1", 1590, "EUR", None))
    try:
        await moved.wait()
        for connector in (server, doctor):
            assert await connector.probe(S) == "a payment is under way; it was not asked"
        assert len(terminal.requests) == 1
    finally:
        paying.cancel()
        await asyncio.gather(paying, return_exceptions=True)
        for connector in (server, doctor):
            await connector.close()
        await terminal.close()


async def test_a_terminal_is_asked_how_it_is_and_nothing_moves() -> None:
    async with counter("split", version="0301") as (connector, terminal):
        assert await connector.probe(S) == "it answers"
        assert terminal.requests == [b"CZ0040301CJ012012345678901CA00201CD001I"]
        assert terminal.book == []


@pytest.mark.parametrize(
    ("wire", "answer"),
    [
        (
            b"CZ0040300CJ012012345678901CA00201CB0041590CD0010CE003978BA0010",
            b"CZ0040300CJ012012345678901CA00201CD0010CE003978CB0041590AE00210",
        ),
        (
            b"CZ0040300CJ012247300123456CA00201CB0042500CD0010CE003978\r\n",
            b"CZ0040300CJ012247300123456CA00201CD0010CE003978CB0042500AE00210",
        ),
        (b"CZ0040301CJ012247300123456CA00201CD001I", b"CZ0040301CJ012247300123456CA00201CD001IAE00210"),
        (b"CZ0040300CA00201CB0041005CD0010CE003978", b"CZ0040300CA00201CD0010CE003978CB0041005AE00201AF00204"),
        (b"CZ00X0300", b"CZ0040300AE00201AF00209"),
    ],
)
async def test_the_simulated_terminal_answers_published_requests(wire: bytes, answer: bytes) -> None:
    terminal = SimulatedTerminal()
    reader, writer = await asyncio.open_connection("127.0.0.1", await terminal.listen())
    for byte in wire:
        writer.write(bytes((byte,)))
    assert (await reader.read()).startswith(answer)
    writer.close()
    await terminal.close()


async def _away() -> None:
    connector = driving({S: Terminal(host="127.0.0.1", port=unused_port())})
    await connector.authorise(S, "pay_1", 1590, "EUR", None)


async def _nowhere() -> None:
    await driving({}).authorise(S, "pay_1", 1590, "EUR", None)


async def _other_money() -> None:
    async with counter() as (connector, _):
        await connector.authorise(S, "pay_1", 1590, "JPY", None)


async def _busy() -> None:
    async with counter("silent", answer_seconds=0.5) as (connector, _):
        first = asyncio.create_task(connector.authorise(S, "pay_1", 1590, "EUR", None))
        await asyncio.sleep(0)
        try:
            await connector.authorise(S, "pay_2", 100, "EUR", None)
        finally:
            await first


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (_away, "terminal-away"),
        (_nowhere, "no-terminal"),
        (_other_money, "not-for-this-terminal"),
        (_busy, "terminal-busy"),
    ],
)
async def test_before_anything_is_sent_it_failed_and_says_so(act: Callable[[], Awaitable[None]], code: str) -> None:
    with pytest.raises(DeviceError) as error:
        await act()
    assert error.value.code == code


async def test_what_the_protocol_cannot_do_is_refused() -> None:
    async with counter() as (connector, terminal):
        with pytest.raises(DeviceError):
            await connector.acquire_card(S, "acq_1")
        with pytest.raises(RequestError):
            await connector.cancel("pay_1")
        assert not connector.capabilities.cancel
        assert terminal.requests == []


async def test_options_of_a_device_reach_the_wire() -> None:
    async with counter(end="\r\n", at_once=True, till="07", protocol="012") as (connector, terminal):
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert terminal.requests == [b"CZ0040300CJ003012CA00207CB0041590CD0010CE003978BA0011\r\n"]
