"""Two who end the same payment at once: SQL decides, and the terminal follows."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from poi_engine.basket import BasketEntry
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.pay_jobs import read_frozen
from poi_engine.checkout.reservation import Unready, release, reserve
from poi_engine.errors import Conflict, StorageError
from poi_engine.ports import Job, PaymentResult, Query
from poi_engine.wiring import untraced
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
APPROVED_UNHEARD = 1013


class Watched:
    """The shop's terminal, with `status` held back after its answer is known, and `cancel` observed."""

    def __init__(self, shop: Shop) -> None:
        self._terminal = shop.terminal
        self.name, self.capabilities = shop.terminal.name, shop.terminal.capabilities
        self.answered, self.go_on = asyncio.Event(), asyncio.Event()
        self.asking: asyncio.Task[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    async def status(self, payment_ref: str) -> PaymentResult:
        """The truth, a moment late."""
        answer = await self._terminal.status(payment_ref)
        self.answered.set()
        await self.go_on.wait()
        return answer

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Undone; before the answer is heard, the one who asked for the status goes on."""
        answer = await self._terminal.cancel(payment_ref)
        self.go_on.set()
        if self.asking is not None:
            await asyncio.wait({self.asking}, timeout=10)
        return answer


async def test_a_sale_made_while_a_person_declines_keeps_its_payment_or_is_no_sale(shop: Shop) -> None:
    terminal = Watched(shop)
    shop.connectors = {"simulator": terminal}  # type: ignore[dict-item]
    shop.engine = shop.build()
    unknown = await shop.pay(await shop.accept(await shop.basket(APPROVED_UNHEARD)))
    terminal.asking = asyncio.create_task(shop.engine.checkout.ask_status(M, unknown.session_id))
    await terminal.answered.wait()
    ended = await shop.engine.resolving.payment(M, unknown.session_id, "declined", "no slip", by=SELLER)
    await terminal.asking
    book = {done.kind: done.cancelled for done in await shop.operations()}
    sales = await shop.rows("select sale_id from sale")
    assert bool(sales) != book["authorise"], "either the sale and its money, or neither"
    assert ended.state == "declined"


async def test_a_payment_whose_driver_fails_does_not_keep_others_from_recovering(shop: Shop) -> None:
    class Broken(Watched):
        async def status(self, payment_ref: str) -> PaymentResult:
            return await self._terminal.status(payment_ref)

        async def cancel(self, payment_ref: str) -> PaymentResult:
            raise ValueError(payment_ref)

    shop.connectors = {"simulator": Broken(shop)}  # type: ignore[dict-item]
    shop.engine = shop.build()
    first = await shop.pay(await shop.accept(await shop.basket(APPROVED_UNHEARD)))
    declined = await shop.engine.resolving.payment(M, first.session_id, "declined", "no slip", by=SELLER)
    assert declined.state == "declined"
    await shop.engine.stations.abandon(M, first.session_id)
    second = await shop.pay(await shop.accept(await shop.basket(APPROVED_UNHEARD)))
    recovered = await shop.engine.recovery.run()
    assert (recovered.resolved, recovered.in_doubt) == (1, 1)
    assert (await shop.engine.stations.get(M, second.session_id)).state == "paid"
    shop.connectors = {"simulator": shop.terminal}
    await shop.restart()
    assert {row["state"] for row in await shop.rows("select state from payment")} == {"reversed", "captured"}


async def test_an_acceptance_never_stands_beside_one_that_another_process_began_to_pay(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(1000))
    earlier, ids, at = accepted.checkout_id or "", shop.ids, shop.engine.wiring.at()

    def second() -> Job[Frozen]:
        frozen = yield from read_frozen(M, earlier)
        return (yield from reserve(M, "chk_second", frozen, ids=ids, at=at, trace=untraced))

    def is_now(state: str) -> Job[None]:
        yield Query("update checkout set state = ? where checkout_id = ?", (state, earlier))

    with pytest.raises(Unready) as first:
        await shop.sql.write(second)
    assert first.value.earlier == earlier, "it is to be let go before"
    await shop.sql.write(lambda: is_now("paying"))
    let_go = release(M, earlier, "released", ("reserved",), ids=ids, at=at, trace=untraced)
    assert not await shop.sql.write(lambda: let_go)
    with pytest.raises(Conflict) as refused:
        await shop.sql.write(second)
    assert refused.value.code == "payment-under-way"
    await shop.sql.write(lambda: is_now("reserved"))
    assert (await shop.pay(accepted)).state == "paid"


async def test_an_acceptance_that_was_never_shown_makes_way_for_the_next(shop: Shop) -> None:
    """Reserved, and then the process was gone: whoever accepts another decision lets go of it."""
    session = await shop.basket(1000)
    with away(shop, "save"), pytest.raises(StorageError):
        await shop.accept(session)
    changed = await shop.engine.stations.set_basket(M, session.session_id, [BasketEntry(amount=2000)])
    assert (await shop.pay(await shop.accept(changed))).state == "paid"
    states = [row["state"] for row in await shop.rows("select state from checkout order by created_at")]
    assert states == ["released", "paid"]


@contextmanager
def away(shop: Shop, name: str) -> Iterator[None]:
    """The sessions' storage is away for a moment."""

    async def silent(*_: Any, **__: Any) -> bool:
        raise StorageError("sessions-away", "Redis does not answer.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.sessions, name, silent)
        yield


async def test_what_the_terminal_has_not_seen_and_cannot_bar_may_still_arrive(shop: Shop) -> None:
    class NoCancel(Watched):
        async def authorise(self, *_given: object) -> PaymentResult:
            return PaymentResult(outcome="unknown", payment_ref="lost on the way")

        async def status(self, payment_ref: str) -> PaymentResult:
            return await self._terminal.status(payment_ref)

    terminal = NoCancel(shop)
    terminal.capabilities = replace(terminal.capabilities, cancel=False)
    shop.connectors = {"simulator": terminal}  # type: ignore[dict-item]
    shop.engine = shop.build()
    unknown = await shop.pay(await shop.accept(await shop.basket(1000)))
    assert (await shop.engine.checkout.ask_status(M, unknown.session_id)).state == "unknown"
    ended = await shop.engine.resolving.payment(M, unknown.session_id, "declined", "nothing printed", by=SELLER)
    assert ended.state == "declined", "a person's word ends it"


async def test_a_process_that_was_killed_no_longer_waits_for_the_terminal(shop: Shop) -> None:
    """What it was sending is asked for by another one, seconds later; while it says that it waits, nobody does."""
    accepted = await shop.accept(await shop.basket(1000))
    killed = asyncio.create_task(
        shop.build(_stop_at("pay.answered"), exclusive=False).checkout.pay(
            M, accepted.session_id, "card", key="key", by=SELLER
        )
    )
    with pytest.raises(asyncio.CancelledError):
        await killed
    other = shop.build(exclusive=False)
    assert (await other.checkout.ask_status(M, accepted.session_id)).state == "paying"
    await shop.sessions.tell_sending(accepted.checkout_id or "", 30)
    shop.clock.forward(10)
    assert (await other.checkout.ask_status(M, accepted.session_id)).state == "paying"
    await shop.sessions.forget_everything()  # type: ignore[attr-defined]
    assert (await other.checkout.ask_status(M, accepted.session_id)).state == "paid"


def _stop_at(point: str) -> Callable[[str], None]:
    """Everything stops at this step, as if the process were gone."""

    def trace(name: str) -> None:
        if name == point:
            raise asyncio.CancelledError

    return trace


async def test_another_process_does_not_ask_about_a_payment_that_is_being_sent(shop: Shop) -> None:
    class Slow(Watched):
        async def authorise(self, *values: Any) -> PaymentResult:
            self.answered.set()
            await self.go_on.wait()
            answer: PaymentResult = await self._terminal.authorise(*values)
            return answer

    terminal = Slow(shop)
    shop.connectors = {"simulator": terminal}  # type: ignore[dict-item]
    shop.engine = shop.build()
    other = shop.build(exclusive=False)
    accepted = await shop.accept(await shop.basket(1000))
    paying = asyncio.create_task(shop.pay(accepted))
    await terminal.answered.wait()
    assert (await other.checkout.ask_status(M, accepted.session_id)).state == "paying"
    terminal.go_on.set()
    assert (await paying).state == "paid"
    assert {done.kind: done.cancelled for done in await shop.operations()}["authorise"] is False
