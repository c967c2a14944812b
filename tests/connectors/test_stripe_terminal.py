"""The Stripe connector against a local fake of the published interface: collect, adjust, confirm."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from babel.numbers import list_currencies

from poi_engine.clock import SystemClock
from poi_engine.connectors.stripe_terminal.amounts import in_ours, theirs
from poi_engine.connectors.stripe_terminal.connector import StripeConnector, opened
from poi_engine.errors import DeviceError, RequestError
from poi_engine.ports import ConnectorSetup
from tests.connectors.opening import opened_apart
from tests.connectors.stripe_fake import READER, FakeStripe
from tests.servers import unused_port

S = "sta_1"
Options = dict[str, str | bool | int | float]


class Counter:
    """A station, the service, and as many connectors after another as a test starts."""

    def __init__(self, folder: Path, service: FakeStripe, options: Options) -> None:
        self.folder, self.service, self.options = folder, service, options
        self.connectors: list[StripeConnector] = []

    def connector(self, book: str = "stripe.db", **more: str | bool | int | float) -> StripeConnector:
        """Another process: it knows what stands in the book."""
        setup = ConnectorSetup(book=self.folder / book, clock=SystemClock(), terminals={S: self.options | more})
        self.connectors.append(opened_apart(opened, setup))
        return self.connectors[-1]

    def charged(self) -> list[int]:
        """What customers paid, minor units."""
        return [one["amount_received"] for one in self.service.intents.values() if one["status"] == "succeeded"]


@asynccontextmanager
async def counter(folder: Path) -> AsyncIterator[Counter]:
    """A reader and what it is driven by."""
    service = FakeStripe()
    (folder / "key").write_text("sk_test_fake\n")
    options: Options = {
        "reader": READER,
        "api_key_file": str(folder / "key"),
        "api": await service.listen(),
        "answer_seconds": 0.3,
        "poll_seconds": 0.01,
    }
    here = Counter(folder, service, options)
    try:
        yield here
    finally:
        for connector in here.connectors:
            await connector.close()
        await service.close()


async def test_the_card_is_known_before_the_amount_that_is_confirmed(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        seen = await connector.acquire_card(S, "acq_1", 2000, "EUR")
        assert (seen.facts.scheme, seen.facts.card_type, seen.facts.entry_mode) == ("visa", "credit", "phone")
        assert here.charged() == []
        paid = await connector.authorise(S, "pay_1", 1590, "EUR", seen.acquisition_ref)
        assert (paid.outcome, paid.amount, paid.authorisation) == ("approved", 1590, "123456")
        assert here.charged() == [1590]
        assert [path.rsplit("/", 1)[-1] for path, _ in here.service.calls] == [
            "payment_intents",
            "collect_payment_method",
            "pi_000000000000000000000000",
            "confirm_payment_intent",
        ]
        assert [key for _, key in here.service.calls] == ["acq_1", "acq_1:start", "pay_1", "pay_1:start"]


async def test_without_a_card_seen_the_reader_asks_for_one(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "approved"
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).amount == 1590
        assert here.charged() == [1590]
        with pytest.raises(DeviceError, match="fill the basket"):
            await connector.acquire_card(S, "acq_1")


async def test_a_card_that_was_collected_is_dropped(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        await connector.acquire_card(S, "acq_1", 2000, "EUR")
        assert (await connector.cancel("acq_1")).outcome == "approved"
        assert [one["status"] for one in here.service.intents.values()] == ["canceled"]


@pytest.mark.parametrize(
    ("customer", "reason"),
    [("declines", "insufficient funds"), ("cancels", "customer canceled"), ("stays-away", "cancelled")],
)
async def test_a_refusal_says_why(tmp_path: Path, customer: str, reason: str) -> None:
    async with counter(tmp_path) as here:
        here.service.customer = customer
        result = await here.connector().authorise(S, "pay_1", 1590, "EUR", None)
        assert (result.outcome, result.reason) == ("declined", reason)


@pytest.mark.parametrize("lost", ["process_payment_intent", "readers"])
async def test_after_the_reader_was_told_doubt_is_asked_about(tmp_path: Path, lost: str) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        here.service.lost = {lost}
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "unknown"
        here.service.lost = set()
        assert (await connector.authorise(S, "pay_1", 1590, "EUR", None)).outcome == "in_progress"
        said = await connector.status("pay_1")
        assert (said.outcome, said.amount) == ("approved", 1590)
        assert here.charged() == [1590]


async def test_another_machine_finds_the_payment_by_its_reference(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        await here.connector().authorise(S, "pay_1", 1590, "EUR", None)
        other = here.connector(book="of-another-machine.db")
        assert (await other.status("pay_1")).amount == 1590
        assert (await other.status("pay_9")).outcome == "not_found"


async def test_a_reference_never_sent_is_barred_for_every_process(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        assert (await here.connector().cancel("pay_1")).outcome == "approved"
        other = here.connector(book="of-another-machine.db")
        with pytest.raises(DeviceError, match="idempotency_error"):
            await other.authorise(S, "pay_1", 1590, "EUR", None)
        assert here.charged() == []


@pytest.mark.parametrize("acquired", [False, True])
async def test_a_payment_is_undone_once(tmp_path: Path, acquired: bool) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        seen = await connector.acquire_card(S, "acq_1", 2000, "EUR") if acquired else None
        await connector.authorise(S, "pay_1", 1590, "EUR", seen.acquisition_ref if seen else None)
        assert (await connector.cancel("pay_1")).outcome == "approved"
        assert (await connector.cancel("pay_1")).outcome == "approved"
        assert (await connector.status("pay_1")).outcome == "declined"
        assert [one["amount"] for one in here.service.refunds] == [1590]


async def test_refunds_never_exceed_the_payment(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        assert (await connector.refund(S, "pay_1", "ref_1", 500, "EUR")).outcome == "approved"
        assert (await connector.refund(S, "pay_1", "ref_2", 1100, "EUR")).outcome == "declined"
        other = here.connector(book="of-another-machine.db")
        said = await other.refund(S, "pay_1", "ref_3", 1100, "EUR")
        assert (said.outcome, said.reason) == ("declined", "charge_already_refunded")
        here.service.lost = {"refunds"}
        assert (await connector.refund(S, "pay_1", "ref_4", 1090, "EUR")).outcome == "unknown"
        here.service.lost = set()
        assert (await connector.status("ref_4")).outcome == "approved"
        assert [one["amount"] for one in here.service.refunds] == [500, 1090]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("terminal_reader_offline", "terminal-away"),
        ("terminal_reader_busy", "terminal-busy"),
        ("intent_invalid_state", "terminal-refused"),
    ],
)
async def test_what_the_service_refuses_was_not_done(tmp_path: Path, code: str, told: str) -> None:
    async with counter(tmp_path) as here:
        here.service.refuses = {"process_payment_intent": code}
        with pytest.raises(DeviceError) as error:
            await here.connector().authorise(S, "pay_1", 1590, "EUR", None)
        assert error.value.code == told
        assert [one["status"] for one in here.service.intents.values()] == ["canceled"]


async def test_a_service_away_takes_nothing(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        with pytest.raises(DeviceError):
            await here.connector(api=f"http://127.0.0.1:{unused_port()}").authorise(S, "pay_1", 1590, "EUR", None)
        assert here.service.calls == []


async def test_a_reader_says_how_it_is(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        assert await here.connector().probe(S) == "the reader is online"


@pytest.mark.parametrize(
    ("change", "path", "why"),
    [
        ({"reader": "pos-1"}, ".reader", "tmr_"),
        ({"api_key_file": "/nowhere"}, ".api_key_file", "cannot be read"),
        ({"api": "http://api.example"}, ".api", "https only"),
        ({"api": "http://127.0.0.1.api.example"}, ".api", "https only"),
        ({"api": "http://api.example/://127.0.0.1"}, ".api", "https only"),
        ({"key": "sk_live_1"}, "", "Options are: reader"),
    ],
)
def test_options_are_checked_with_their_path(tmp_path: Path, change: Options, path: str, why: str) -> None:
    (tmp_path / "key").write_text("sk_test_fake")
    options: Options = {"reader": READER, "api_key_file": str(tmp_path / "key"), **change}
    with pytest.raises(RequestError, match=why) as error:
        opened(ConnectorSetup(book=tmp_path / "b", clock=SystemClock(), terminals={S: options}))
    assert error.value.path == f"$.payment.terminals[{S}].options{path}"


def test_something_else_than_a_key_is_refused_unseen(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not-a-key")
    options: Options = {"reader": READER, "api_key_file": str(tmp_path / "key")}
    with pytest.raises(RequestError, match="begins with sk_") as error:
        opened(ConnectorSetup(book=tmp_path / "b", clock=SystemClock(), terminals={S: options}))
    assert "not-a-key" not in error.value.message


async def test_a_capture_whose_key_is_in_use_or_forgotten_is_not_called_declined(tmp_path: Path) -> None:
    """The answer was lost; whoever asks at once is told that the first call is under way, not that it failed."""
    async with counter(tmp_path) as here:
        connector, service = here.connector(), here.service
        await connector.hold(S, "hold_1", 5000, "EUR")
        service.lost = {"capture"}
        assert (await connector.capture_hold(S, "hold_1", "cap_1", 3000)).outcome == "unknown"
        service.lost, service.busy = set(), {"capture"}
        assert (await connector.status("cap_1")).outcome == "approved"
        service.cut, service.busy = {"capture"}, set()
        await connector.hold(S, "hold_2", 5000, "EUR")
        assert (await connector.capture_hold(S, "hold_2", "cap_2", 3000)).outcome == "unknown"
        service.cut, service.busy = set(), {"capture"}
        assert (await connector.status("cap_2")).outcome == "unknown"
        service.busy = set()
        service.forget_keys()
        assert (await connector.status("cap_2")).outcome == "approved"
        assert here.charged() == [3000, 3000]


async def test_a_refund_whose_key_is_in_use_stays_unknown(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector, service = here.connector(), here.service
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        service.busy = {"refunds"}
        assert (await connector.refund(S, "pay_1", "ref_1", 590, "EUR")).outcome == "unknown"
        assert (await connector.status("ref_1")).outcome == "unknown"
        service.busy = set()
        assert (await connector.status("ref_1")).outcome == "approved"
        assert [one["amount"] for one in service.refunds] == [590]


async def test_a_refund_that_is_cancelled_is_never_made(tmp_path: Path) -> None:
    """A person said that nothing was given back: finding out must not give it back."""
    async with counter(tmp_path) as here:
        connector, service = here.connector(), here.service
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        service.cut = {"refunds"}
        assert (await connector.refund(S, "pay_1", "ref_1", 1590, "EUR")).outcome == "unknown"
        service.cut = set()
        assert (await connector.cancel("ref_1")).outcome == "approved"
        assert service.refunds == []
        assert (await connector.status("ref_1")).outcome == "declined"
        assert (await connector.refund(S, "pay_1", "ref_2", 1590, "EUR")).outcome == "approved"
        assert (await connector.cancel("ref_2")).outcome == "unknown"
        assert [one["amount"] for one in service.refunds] == [1590]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_repeat_that_is_refused_for_no_reason_of_the_payment_says_nothing_of_it(
    tmp_path: Path, status: int
) -> None:
    """The key was taken back or has too few rights: the call before may have been done all the same."""
    async with counter(tmp_path) as here:
        connector, service = here.connector(), here.service
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        await connector.hold(S, "hold_1", 5000, "EUR")
        service.cut = {"refunds", "capture"}
        assert (await connector.refund(S, "pay_1", "ref_1", 590, "EUR")).outcome == "unknown"
        assert (await connector.capture_hold(S, "hold_1", "cap_1", 3000)).outcome == "unknown"
        service.cut, service.denied = set(), {"refunds": status, "capture": status}
        for reference in ("ref_1", "cap_1", "ref_1", "cap_1"):
            assert (await connector.status(reference)).outcome == "unknown", reference
        service.denied = {}
        assert (await connector.status("ref_1")).outcome == "approved"
        assert (await connector.status("cap_1")).outcome == "approved"
        assert (here.charged(), [one["amount"] for one in service.refunds]) == ([1590, 3000], [590])


async def test_a_repeat_that_is_refused_because_of_the_payment_is_declined(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        connector, service = here.connector(), here.service
        await connector.authorise(S, "pay_1", 1590, "EUR", None)
        service.cut = {"refunds"}
        assert (await connector.refund(S, "pay_1", "ref_1", 590, "EUR")).outcome == "unknown"
        service.cut = set()
        await here.connector(book="of-another-machine.db").refund(S, "pay_1", "ref_2", 1590, "EUR")
        assert (await connector.status("ref_1")).outcome == "declined"
        service.cut = {"capture"}
        await connector.hold(S, "hold_1", 5000, "EUR")
        assert (await connector.capture_hold(S, "hold_1", "cap_1", 3000)).outcome == "unknown"
        service.intents[list(service.intents)[-1]]["status"] = "canceled"  # the bank's patience is over
        assert (await connector.status("cap_1")).outcome == "declined"


@pytest.mark.parametrize(
    ("currency", "ours", "counted"),
    [("EUR", 1590, 1590), ("JPY", 1590, 1590), ("ISK", 1590, 159_000), ("RSD", 1590, 159_000), ("KWD", 1590, 1590)],
)
async def test_amounts_are_sent_and_read_as_the_service_counts(
    tmp_path: Path, currency: str, ours: int, counted: int
) -> None:
    """Its pages: no decimals in yen, two in krónur (always 00), thousandths by tens in dinars of Kuwait."""
    async with counter(tmp_path) as here:
        connector = here.connector()
        seen = await connector.acquire_card(S, "acq_1", ours + 10, currency)
        paid = await connector.authorise(S, "pay_1", ours, currency, seen.acquisition_ref)
        assert (paid.outcome, paid.amount) == ("approved", ours)
        back = await connector.refund(S, "pay_1", "ref_1", ours - 90, currency)
        assert (back.outcome, back.amount) == ("approved", ours - 90)
        await connector.hold(S, "hold_1", ours, currency)
        taken = await connector.capture_hold(S, "hold_1", "cap_1", ours)
        assert (taken.outcome, taken.amount) == ("approved", ours)
        assert here.charged() == [counted, counted]
        assert here.service.refunds[0]["amount"] == counted * (ours - 90) // ours


@pytest.mark.parametrize(("currency", "amount"), [("UGX", 1590), ("KWD", 1591), ("CLF", 1590), ("LYD", 1590)])
async def test_an_amount_that_the_service_does_not_take_is_not_sent(tmp_path: Path, currency: str, amount: int) -> None:
    async with counter(tmp_path) as here:
        connector = here.connector()
        with pytest.raises(DeviceError, match="Nothing was sent") as error:
            await connector.authorise(S, "pay_1", amount, currency, None)
        assert error.value.code == "not-for-this-terminal"
        with pytest.raises(DeviceError, match="Nothing was sent"):
            await connector.acquire_card(S, "acq_1", amount, currency)
        assert here.service.calls == []


def test_every_currency_comes_back_as_it_was_sent_or_is_refused() -> None:
    refused = set()
    for currency in list_currencies():
        try:
            assert in_ours(theirs(12_340, currency), currency) == 12_340, currency
        except DeviceError:
            refused.add(currency)
    assert {"UGX", "CLF", "LYD"} <= refused
    assert not refused & {"EUR", "USD", "JPY", "ISK", "KWD", "HUF", "TWD", "RSD", "XOF"}
    assert in_ours(159_050, "ISK") is None
