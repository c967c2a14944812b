"""What this process sends, nobody in it asks the terminal about: not before it is sent, nor when it was overtaken."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from poi_engine.basket import BasketEntry
from poi_engine.checkout.under_way import UnderWay
from poi_engine.engine import Engine
from poi_engine.ports import Job, PaymentResult
from poi_engine.session import Session
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.value.rules import TabRules
from poi_engine.whole_sale import Wish
from tests.engine.shop import SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey
T = TypeVar("T")
APPROVED_UNHEARD = 1013


class Overtaken:
    """The shop's storage; between each commit and its answer everything has been looked after that waits for a word."""

    def __init__(self, sql: SqliteSql | PostgresSql) -> None:
        self._sql = sql
        self._looking = False
        self.engine: Engine | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sql, name)

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """The job, and a round of each before its answer is heard."""
        result = await self._sql.write(job)
        with self._once() as first:
            if first and self.engine is not None:
                await self.engine.recovery.run()
                await self.engine.holds.round()
                await self.engine.tabs.round()
        return result

    @contextmanager
    def _once(self) -> Iterator[bool]:
        before, self._looking = self._looking, True
        try:
            yield not before
        finally:
            self._looking = before


@pytest.fixture
def overtaken(shop: Shop) -> Shop:
    """The shop, on storage that answers late."""
    sql = Overtaken(shop.sql)  # type: ignore[arg-type]
    shop.sql = sql  # type: ignore[assignment]
    shop.engine = sql.engine = shop.build()
    return shop


async def test_a_card_is_charged(overtaken: Shop) -> None:
    assert (await overtaken.sell(1200)).state == "paid"
    assert await asked(overtaken) == [("authorise", True)]


async def test_a_sale_in_one_request_is_paid(overtaken: Shop) -> None:
    wish = Wish(entries=(BasketEntry(amount=1200),), accept_up_to=1200)
    sold = await overtaken.engine.whole_sales.sell(M, STATION, wish, key="till", caller=SELLER, by=SELLER)
    assert sold.state == "paid"
    assert await asked(overtaken) == [("authorise", True)]


async def test_what_is_accepted_and_paid_at_once_is_paid(overtaken: Shop) -> None:
    decided = await overtaken.basket(1200)
    pay = overtaken.engine.checkout.pay
    paid: Session = await pay(M, decided.session_id, "card", key="till", by=SELLER, accepting=decided)
    assert paid.state == "paid"
    assert await asked(overtaken) == [("authorise", True)]


async def test_a_refund_is_given(overtaken: Shop) -> None:
    sale = await overtaken.sell(1200)
    back = await overtaken.engine.checkout.refund(M, sale.sale_id or "", None, "broken", key="back", by=SELLER)
    assert back.total == -1200
    assert await asked(overtaken) == [("authorise", True), ("refund", True)]


async def test_a_card_is_held(overtaken: Shop) -> None:
    held = await overtaken.engine.holds.open(M, STATION, 5000, key="hold", by=SELLER)
    assert held.state == "held"


async def test_a_tab_is_opened(overtaken: Shop) -> None:
    await overtaken.engine.tabs.change(M, replace(TabRules(), most=5000), by=SELLER)
    session = await overtaken.identify(await overtaken.engine.stations.open(M, STATION), await overtaken.customer())
    tab = await overtaken.engine.tabs.open(M, session.session_id, 1000, key="tab", by=SELLER)
    assert tab.state == "open"


async def test_a_question_that_a_payment_overtakes_leaves_it_alone(shop: Shop) -> None:
    """Somebody asks about a part in doubt; before it is looked up a person has ended it, and the next one is sent."""
    accepted = await shop.accept(await shop.basket(200 + APPROVED_UNHEARD))
    await shop.pay(accepted, "cash", amount=200)
    await shop.pay(accepted)
    authorise, read = shop.terminal.authorise, shop.sql.read
    sending, asked_about = asyncio.Event(), asyncio.Event()
    turns, paying = count(), list[asyncio.Task[Session]]()

    async def slow(*call: Any, **more: Any) -> PaymentResult:
        sending.set()
        await asked_about.wait()
        return await authorise(*call, **more)

    async def overtaken(job: Callable[[], Job[T]]) -> T:
        if next(turns) == 1:
            await shop.engine.resolving.payment(M, accepted.session_id, "declined", "no slip", by=SELLER)
            paying.append(asyncio.create_task(shop.pay(accepted, amount=1000)))
            await sending.wait()
        return await read(job)

    with patch.object(shop.terminal, "authorise", slow), patch.object(shop.sql, "read", overtaken):
        await shop.engine.checkout.ask_status(M, accepted.session_id)
        asked_about.set()
        assert [(one.amount, one.state) for one in (await paying[0]).tenders][-1] == (1000, "captured")
    assert [one.cancelled for one in await shop.operations() if one.kind == "authorise"] == [True, False]


async def test_a_total_that_was_accepted_anew_is_charged(shop: Shop) -> None:
    """The counter still knows the acceptance before; a round comes while the card is at the terminal."""
    before = await shop.accept(await shop.basket(1200))
    authorise, calls = shop.terminal.authorise, count()

    async def moody(station_id: str, payment_id: str, *more: Any, **named: Any) -> PaymentResult:
        if next(calls) == 0:
            return PaymentResult(outcome="declined", payment_ref=payment_id, reason="no")
        await shop.engine.recovery.run()
        return await authorise(station_id, payment_id, *more, **named)

    with patch.object(shop.terminal, "authorise", moody):
        anew = await shop.accept(await shop.pay(before))
        assert anew.checkout_id != before.checkout_id
        assert (await shop.pay(anew, known=before)).state == "paid"
    assert await asked(shop) == [("authorise", True)]


async def test_other_processes_hear_of_it_until_the_last_here_has_its_answer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was refused meanwhile, as something is under way already, is not the one who waits."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def tell(name: str, _seconds: int) -> None:
        told.put_nowait(name)

    monkeypatch.setattr("poi_engine.checkout.under_way.TELLING_SECONDS", 0.01)
    monkeypatch.setattr(shop.sessions, "tell_sending", tell)
    here = UnderWay(shop.build(exclusive=False).wiring)
    refused, waiting = here.sending("chk_1"), here.sending("chk_1")
    refused.__enter__()
    with waiting:
        refused.__exit__(None, None, None)
        while not told.empty():
            told.get_nowait()
        async with asyncio.timeout(30):
            assert await told.get() == "chk_1"
    assert not here.is_sending("chk_1")
    await asyncio.sleep(0)
    while not told.empty():
        told.get_nowait()
    await asyncio.sleep(0.1)
    assert told.empty()


async def asked(shop: Shop) -> list[tuple[str, bool]]:
    """What the terminal was asked to take and to give, and whether it did."""
    return [(one.kind, one.approved) for one in await shop.operations() if one.kind != "acquire"]
