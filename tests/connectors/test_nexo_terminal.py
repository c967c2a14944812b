"""The nexo connector against a terminal with every fault, in clear and secured: doubt is asked about."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from poi_engine.clock import SystemClock
from poi_engine.connectors.nexo_simulator import NexoDone, NexoFault, SimulatedNexoTerminal
from poi_engine.connectors.nexo_terminal.connector import NexoConnector, opened
from poi_engine.errors import DeviceError, RequestError
from poi_engine.nexo.crypto import SecurityKey
from poi_engine.ports import ConnectorSetup
from tests.connectors.certificates import terminal_certificate
from tests.connectors.opening import opened_apart
from tests.nexo.till import LIBRARY
from tests.nexo.typings import faults
from tests.servers import unused_port

S = "sta_1"
POI, NAME = "P400Plus-123456789", "P400Plus-123456789.test.terminal.example"
KEY = SecurityKey(identifier="key", passphrase="correct horse battery")


Options = dict[str, str | bool | int | float]


class Counter:
    """A station, its terminal, and as many connectors after another as a test starts."""

    def __init__(self, folder: Path, terminal: SimulatedNexoTerminal, options: Options, moved: asyncio.Event):
        self.folder, self.terminal, self.options = folder, terminal, options
        self.connectors: list[NexoConnector] = []
        self.moved = moved

    def connector(self, book: str = "nexo.db", **more: str | bool | int | float) -> NexoConnector:
        """Another process: it knows what stands in the book."""
        setup = ConnectorSetup(book=self.folder / book, clock=SystemClock(), terminals={S: self.options | more})
        self.connectors.append(opened_apart(opened, setup))
        return self.connectors[-1]

    @property
    def asked(self) -> list[str]:
        """The categories of what the terminal was asked."""
        return [request["MessageHeader"]["MessageCategory"] for request in self.terminal.requests]


@asynccontextmanager
async def counter(folder: Path, *faults: NexoFault, secured: bool = False) -> AsyncIterator[Counter]:
    """A terminal and what it is reached by."""
    ca, tls = terminal_certificate(folder, NAME)
    moved = asyncio.Event()
    terminal = SimulatedNexoTerminal(
        *faults, poi_id=POI, key=KEY if secured else None, late_seconds=0.2, told=lambda _done: moved.set()
    )
    options: Options = {
        "host": "127.0.0.1",
        "port": await terminal.listen(tls=tls),
        "poi_id": POI,
        "ca": str(ca),
        "certificate_name": NAME,
        "answer_seconds": 0.6,
        "status_seconds": 5.0,
    }
    if secured:
        (folder / "passphrase").write_text(f"{KEY.passphrase}\n")
        options |= {"key_id": "key", "passphrase_file": str(folder / "passphrase")}
    here = Counter(folder, terminal, options, moved)
    try:
        yield here
    finally:
        for connector in here.connectors:
            await connector.close()
        await terminal.close()
    await asyncio.to_thread(_must_be_as_typed, terminal)


def _must_be_as_typed(terminal: SimulatedNexoTerminal) -> None:
    """Whatever a terminal was asked in a test is as the vendor's published typings have it."""
    if LIBRARY.is_dir():
        for request in terminal.requests:
            message = json.loads(json.dumps({"SaleToPOIRequest": request}, default=float))
            assert faults(message, "TerminalApiRequest") == []


@pytest.mark.parametrize("secured", [False, True])
async def test_the_card_is_known_before_the_amount_and_pays_it(tmp_path: Path, secured: bool) -> None:
    async with counter(tmp_path, secured=secured) as here:
        connector = here.connector()
        seen = await connector.acquire_card(S, "acq_1")
        assert (seen.facts.scheme, seen.facts.bin, seen.facts.entry_mode) == ("mastercard", "541333", "contactless")
        assert seen.facts.card_type == "debit"
        paid = await connector.authorise(S, "pay_1", 1590, "EUR", seen.acquisition_ref)
        assert (paid.outcome, paid.amount, paid.authorisation, paid.guaranteed) == ("approved", 1590, "123456", True)
        assert here.terminal.book == [NexoDone(what="Payment", amount=Decimal("15.9"), done=True)]
        card = here.terminal.requests[1]["PaymentRequest"]["PaymentData"]["CardAcquisitionReference"]
        assert card["TransactionID"].startswith("ACQ")


async def test_a_card_that_was_read_is_dropped_and_serves_once(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        await connector.acquire_card(S, "acq_1")
        assert (await connector.cancel("acq_1")).outcome == "approved"
        assert here.asked == ["CardAcquisition", "EnableService"]
        assert here.terminal.card_waits is None
        assert (await connector.authorise(S, "pay_1", 100, "EUR", "acq_1")).outcome == "approved"
        seen = await connector.acquire_card(S, "acq_2")
        assert (await connector.authorise(S, "pay_2", 1005, "EUR", seen.acquisition_ref)).outcome == "declined"
        assert (await connector.authorise(S, "pay_3", 100, "EUR", seen.acquisition_ref)).outcome == "approved"


async def test_a_card_nobody_showed_is_no_payment_and_frees_the_terminal(tmp_path: Path) -> None:
    async with counter(tmp_path, "silent") as here:
        connector = here.connector()
        with pytest.raises(DeviceError) as error:
            await connector.acquire_card(S, "acq_1")
        assert error.value.code == "no-answer"
        assert here.asked == ["CardAcquisition", "Abort", "EnableService"]


@pytest.mark.parametrize(
    ("amount", "reason"), [(1005, "refused"), (1006, "abandoned by the customer"), (1055, "wrong PIN")]
)
async def test_a_refusal_says_why(tmp_path: Path, amount: int, reason: str) -> None:
    async with counter(tmp_path) as here:
        result = await here.connector().authorise(S, "pay_1", amount, "EUR", None)
        assert (result.outcome, result.reason) == ("declined", reason)


@pytest.mark.parametrize("faults", [("late",), ("spaces",), ("late", "spaces")])
async def test_slow_terminals_are_waited_for(tmp_path: Path, faults: tuple[NexoFault, ...]) -> None:
    async with counter(tmp_path, *faults) as here:
        assert (await here.connector().authorise(S, "pay_1", 1590, "EUR", None)).outcome == "approved"


_DOUBTS: tuple[NexoFault, ...] = (
    "silent", "lost", "cut", "wrong-service", "garbage", "reject", "refused-http", "oversize",
)  # fmt: skip


@pytest.mark.parametrize("fault", _DOUBTS)
async def test_after_the_message_was_sent_doubt_is_unknown_and_the_terminal_is_asked(
    tmp_path: Path, fault: NexoFault
) -> None:
    async with counter(tmp_path, fault) as here:
        connector = here.connector()
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        said = await connector.status("pay_1")
        assert (said.outcome, said.amount, said.facts.scheme) == ("approved", 1590, "mastercard")
        assert await connector.authorise(S, "pay_1", 1590, "EUR", None) == said
        assert here.asked == ["Payment", "TransactionStatus"]


async def test_another_hmac_is_doubt_too(tmp_path: Path) -> None:
    async with counter(tmp_path, "wrong-hmac", secured=True) as here:
        connector = here.connector()
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        assert (await connector.status("pay_1")).outcome == "approved"


async def test_another_key_gets_no_payment(tmp_path: Path) -> None:
    async with counter(tmp_path, secured=True) as here:
        (tmp_path / "other").write_text("another passphrase")
        connector = here.connector(passphrase_file=str(tmp_path / "other"))
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        assert here.terminal.book == []


async def test_a_process_that_died_has_left_enough_to_ask(tmp_path: Path) -> None:
    async with counter(tmp_path, "silent") as here:
        sending = asyncio.create_task(here.connector().authorise(S, "pay_1", 1590, "EUR", None))
        await here.moved.wait()
        sending.cancel()
        after = here.connector()
        assert (await after.status("pay_1")).outcome == "approved"
        assert (await after.authorise(S, "pay_1", 1590, "EUR", None)).amount == 1590
        assert (await here.connector(book="of-another-machine.db").status("pay_1")).amount == 1590
        assert len(here.terminal.book) == 1


async def test_in_progress_is_told_until_it_ends(tmp_path: Path) -> None:
    async with counter(tmp_path, "in-progress") as here:
        connector = here.connector()
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        outcomes = [(await connector.status("pay_1")).outcome for _ in range(3)]
        assert outcomes == ["in_progress", "in_progress", "approved"]


async def test_what_the_terminal_never_saw_is_barred_before_it_counts_as_failed(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        await connector.authorise(S, "pay_0", 100, "EUR", None)
        here.terminal.faults.add("not-found")
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        assert (await connector.status("pay_1")).outcome == "not_found"
        assert (await connector.cancel("pay_1")).outcome == "approved"
        here.terminal.faults.clear()
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "declined"
        assert [done.amount for done in here.terminal.book] == [1]


@pytest.mark.parametrize("before", [True, False])
async def test_a_terminal_that_forgot_what_it_did_is_not_believed(tmp_path: Path, before: bool) -> None:
    """It took the money and was switched off: its "not found" is worth nothing without an answer from before."""
    async with counter(tmp_path) as here:
        connector = here.connector()
        if before:
            await connector.authorise(S, "pay_0", 100, "EUR", None)
        here.terminal.faults.add("restarts")
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        here.terminal.faults.clear()
        for _ in range(2):
            said = await connector.status("pay_1")
            assert (said.outcome, "forgotten" in said.reason) == ("unknown", True)
        assert (await connector.cancel("pay_1")).outcome == "unknown"
        assert (await connector.authorise(S, "pay_2", 200, "EUR", None)).outcome == "approved"
        assert (await connector.status("pay_1")).outcome == "unknown", "an answer from afterwards proves nothing"
        assert [done.amount for done in here.terminal.book][-2:] == [Decimal("15.9"), 2]


async def test_a_card_that_was_read_before_shows_that_nothing_was_forgotten(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        seen = await connector.acquire_card(S, "acq_1")
        here.terminal.faults.add("not-found")
        await connector.authorise(S, "pay_1", 1590, "EUR", seen.acquisition_ref)
        assert (await connector.status("pay_1")).outcome == "not_found"


async def test_what_another_machine_sent_is_not_declared_undone_by_a_terminal_that_forgot(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        other = here.connector(book="of-another-machine.db")
        await other.authorise(S, "pay_0", 100, "EUR", None)
        assert (await other.status("pay_1")).outcome == "not_found"
        here.terminal.faults.add("restarts")
        await here.connector().authorise(S, "pay_1", 1590, "EUR", None)
        assert (await other.status("pay_1")).outcome == "unknown"
        assert (await other.cancel("pay_1")).outcome == "unknown"


async def test_another_amount_than_asked_is_for_a_person(tmp_path: Path) -> None:
    async with counter(tmp_path, "partial") as here:
        connector = here.connector()
        result = await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (result.outcome, result.reason) == ("unknown", "the terminal took 795 of 1590 minor units")
        assert await connector.status("pay_1") == result


async def test_a_payment_is_undone_once(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (await connector.cancel("pay_1")).outcome == "approved"
        assert (await connector.cancel("pay_1")).outcome == "approved"
        assert (await connector.status("pay_1")).outcome == "declined"
        assert here.terminal.book[1:] == [NexoDone(what="Reversal", amount=Decimal("15.9"), done=True)]


@pytest.mark.parametrize(("refunds", "what"), [("reversal", "Reversal"), ("payment", "refund")])
async def test_refunds_name_the_payment_and_never_exceed_it(tmp_path: Path, refunds: str, what: str) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector(refunds=refunds)
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (await connector.refund(S, "pay_1", "ref_1", 500, "EUR")).outcome == "approved"
        assert (await connector.refund(S, "pay_1", "ref_1", 500, "EUR")).outcome == "approved"
        assert (await connector.refund(S, "pay_1", "ref_2", 1100, "EUR")).outcome == "declined"
        here.terminal.faults.add("lost")
        assert (await connector.refund(S, "pay_1", "ref_3", 1090, "EUR")).outcome == "unknown"
        assert (await connector.status("ref_3")).outcome == "approved"
        assert here.terminal.book[1:] == [
            NexoDone(what=what, amount=Decimal("5"), done=True),
            NexoDone(what=what, amount=Decimal("10.9"), done=True),
        ]


async def test_a_refund_on_another_machine_learns_the_payment_from_the_terminal(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        await here.connector().authorise(S, "pay_1", 1590, "EUR", None)
        other = here.connector(book="of-another-machine.db")
        assert (await other.refund(S, "pay_1", "ref_1", 1590, "EUR")).outcome == "approved"
        with pytest.raises(DeviceError, match="nothing was sent"):
            await other.refund(S, "pay_9", "ref_2", 100, "EUR")


async def test_a_terminal_that_wants_a_login_gets_one(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector(login=True)
        await connector.authorise(S, "pay_1", 100, "EUR", None)
        await connector.authorise(S, "pay_2", 100, "EUR", None)
        assert here.asked == ["Login", "Payment", "Payment"]


async def test_a_terminal_says_how_it_is(tmp_path: Path) -> None:
    async with counter(tmp_path, secured=True) as here:
        assert await here.connector().probe(S) == "it answers: OK"


async def _away(here: Counter) -> None:
    await here.connector(port=unused_port()).authorise(S, "pay_1", 1590, "EUR", None)


async def _another_certificate(here: Counter) -> None:
    await here.connector(certificate_name="another.terminal.example").authorise(S, "pay_1", 1590, "EUR", None)


async def _nowhere(here: Counter) -> None:
    await here.connector().authorise("sta_2", "pay_1", 1590, "EUR", None)


async def _busy(here: Counter) -> None:
    here.terminal.faults.add("silent")
    connector = here.connector()
    first = asyncio.create_task(connector.authorise(S, "pay_0", 1590, "EUR", None))
    await here.moved.wait()
    try:
        await connector.authorise(S, "pay_1", 100, "EUR", None)
    finally:
        await first
        here.terminal.book.clear()


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (_away, "terminal-away"),
        (_another_certificate, "terminal-away"),
        (_nowhere, "no-terminal"),
        (_busy, "terminal-busy"),
    ],
)
async def test_before_anything_is_sent_it_failed_and_says_so(
    tmp_path: Path, act: Callable[[Counter], Awaitable[None]], code: str
) -> None:
    async with counter(tmp_path) as here:
        with pytest.raises(DeviceError) as error:
            await act(here)
        assert error.value.code == code
        assert here.terminal.book == []
        here.terminal.faults.clear()
        assert (await here.connector().authorise(S, "pay_1", 1590, "EUR", None)).outcome == "approved", "still free"


@pytest.mark.parametrize(
    ("options", "path", "why"),
    [
        ({"host": "h", "any_certificate": True}, "", "poi_id"),
        ({"host": "h", "poi_id": "P"}, ".ca", "any_certificate"),
        ({"host": "h", "poi_id": "P", "ca": "/nowhere.pem"}, ".ca", "cannot be used"),
        ({"host": "h", "poi_id": "P", "any_certificate": True, "port": 0}, ".port", ">= 1"),
        ({"host": "h", "poi_id": "P", "any_certificate": True, "till": "1"}, "", "Options are: host"),
        ({"host": "h", "poi_id": "P", "any_certificate": True, "key_id": "k"}, ".passphrase_file", "both"),
        (
            {"host": "h", "poi_id": "P", "any_certificate": True, "key_id": "k", "passphrase_file": "/no"},
            ".passphrase_file",
            "cannot be read",
        ),
        ({"host": "h", "poi_id": "P", "any_certificate": True, "refunds": "cash"}, ".refunds", "enum"),
    ],
)
def test_options_are_checked_with_their_path(tmp_path: Path, options: Options, path: str, why: str) -> None:
    with pytest.raises(RequestError, match=why) as error:
        opened(ConnectorSetup(book=tmp_path / "b", clock=SystemClock(), terminals={S: options}))
    assert error.value.path == f"$.payment.terminals[{S}].options{path}"
    assert f"terminal of {S}" in error.value.message
    assert path.removeprefix(".") in error.value.message


async def test_undoing_a_payment_of_which_a_part_was_given_back_is_not_called_done(tmp_path: Path) -> None:
    """The terminal reverses what is left and says how much; that is not the whole payment."""
    async with counter(tmp_path) as here:
        connector = here.connector()
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (await connector.refund(S, "pay_1", "ref_1", 590, "EUR")).outcome == "approved"
        assert (await connector.cancel("pay_1")).outcome == "unknown"
