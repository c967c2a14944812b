"""The connectors' book: what it keeps, and for how long."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poi_engine.connectors.sent import KEPT_US, SentBook, declined, unknown
from poi_engine.ports import PaymentResult
from tests.engine.shop import FakeClock

S = "sta_1"
LONG = KEPT_US / 1_000_000 + 1


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[tuple[SentBook, FakeClock]]:
    """A book and what time it is."""
    clock = FakeClock()
    book = SentBook(tmp_path / "sent.db", clock)
    yield book, clock
    book.close()


def approved(reference: str) -> PaymentResult:
    return PaymentResult(outcome="approved", payment_ref=reference)


async def test_what_ended_long_ago_is_forgotten_and_what_is_open_never(kept: tuple[SentBook, FakeClock]) -> None:
    book, clock = kept
    for reference, kind, said in (
        ("pay_done", "authorise", approved("pay_done")),
        ("pay_refused", "authorise", declined("pay_refused", "refused")),
        ("pay_doubt", "authorise", unknown("pay_doubt", "silence")),
        ("pay_open", "authorise", None),
        ("acq_lost", "acquire", None),
    ):
        await book.begin(reference, kind, S, 100, "EUR")
        await book.end(reference, result=said)
    clock.forward(LONG - 2)
    await book.begin("pay_new", "authorise", S, 100, "EUR")
    assert await book.find("pay_done")
    clock.forward(86_400)
    await book.begin("pay_newer", "authorise", S, 100, "EUR")
    found = [bool(await book.find(name)) for name in ("pay_done", "pay_refused", "acq_lost")]
    assert found == [False, False, False]
    assert all([await book.find(name) for name in ("pay_doubt", "pay_open", "pay_new", "pay_newer")])


async def test_a_payment_stays_as_long_as_a_refund_of_it_is_kept(kept: tuple[SentBook, FakeClock]) -> None:
    book, clock = kept
    await book.begin("pay_1", "authorise", S, 100, "EUR")
    await book.end("pay_1", result=approved("pay_1"))
    clock.forward(LONG / 2)
    await book.begin("ref_1", "refund", S, 60, "EUR", "pay_1")
    await book.end("ref_1", result=approved("ref_1"))
    clock.forward(LONG / 2 + 86_400)
    await book.begin("pay_2", "authorise", S, 100, "EUR")
    assert await book.left("pay_1") == 40, "what was given back of it is counted still"
    clock.forward(LONG)
    await book.begin("pay_3", "authorise", S, 100, "EUR")
    assert await book.left("pay_1") is None
