"""Faults planted into the shipped code: the simulation must find each of them."""

from collections.abc import Callable
from typing import Any

import pytest

from poi_engine import desk, ledger
from poi_engine.checkout import (
    checkout,
    commit,
    pay_jobs,
    paying,
    refund_entries,
    refund_jobs,
    reservation,
    returns,
    settlement,
)
from poi_engine.errors import Conflict, StorageError
from poi_engine.ports import PaymentResult

Plant = Callable[[pytest.MonkeyPatch], None]


def void_skipped(patch: pytest.MonkeyPatch) -> None:
    """A declined or abandoned checkout keeps what it held."""
    _steps(patch, reservation, lambda steps: [step for step in steps if step.phase != "void"])


def hold_skipped(patch: pytest.MonkeyPatch) -> None:
    """An acceptance reserves nothing."""
    _steps(patch, reservation, lambda steps: [step for step in steps if step.phase != "pending"])


def entered_twice(patch: pytest.MonkeyPatch) -> None:
    """The sale's entries are made twice."""
    _steps(patch, commit, lambda steps: [*steps, *(step for step in steps if step.phase == "single")])


def _steps(patch: pytest.MonkeyPatch, module: Any, alter: Callable[[list[ledger.Step]], list[ledger.Step]]) -> None:
    """Alter what one module changes on the ledger."""

    class Altered:
        def __getattr__(self, name: str) -> Any:
            return getattr(ledger, name)

        def change(self, merchant_id: str, steps: Any, **named: Any) -> Any:
            return ledger.change(merchant_id, alter(list(steps)), **named)

    patch.setattr(module, "ledger", Altered())


def key_ignored(patch: pytest.MonkeyPatch) -> None:
    """A repeated refund is a new refund."""

    def fresh(*args: Any) -> Any:
        return None
        yield

    patch.setattr(refund_jobs, "promise", fresh)


def unknown_is_declined(patch: pytest.MonkeyPatch) -> None:
    """Silence of the terminal counts as a no."""
    doubt = settlement.Settlement.settle

    async def settle(self: Any, merchant_id: str, payment: Any, result: PaymentResult, *known: Any) -> Any:
        if result.outcome == "unknown":
            result = PaymentResult(outcome="declined", payment_ref=result.payment_ref, reason="time-out")
        return await doubt(self, merchant_id, payment, result, *known)

    patch.setattr(settlement.Settlement, "settle", settle)


def refund_rounded_up(patch: pytest.MonkeyPatch) -> None:
    """A part of a line gives back the cent that is not there."""

    def up(amount: int, part: int, whole: int, taken: int) -> int:
        return max(0, -(-amount * part // whole) - taken) if whole else 0

    patch.setattr(returns, "share", up)


def paid_again_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """A payment in doubt is sent again under another name instead of being asked about."""
    ask = settlement.status_of

    async def again(connector: Any, reference: str) -> PaymentResult:
        known = connector.book.get(reference)
        if known is None or known.kind != "authorise":
            return await ask(connector, reference)
        return await connector.authorise("sta_1", f"{reference}-again", known.amount, "EUR", None)  # type: ignore[no-any-return]

    patch.setattr(settlement, "status_of", again)


def answer_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A repeated key does not look for the sale it made, and finds no other answer kept."""

    def nothing(*args: Any) -> Any:
        return pay_jobs.Query("select 1 as one")

    def unsold(*args: Any) -> Any:
        return None
        yield

    patch.setattr(pay_jobs, "keep_session", nothing)
    patch.setattr(paying, "sold_session", unsold)


def points_not_taken_back(patch: pytest.MonkeyPatch) -> None:
    """A refund lets the customer keep the points."""
    patch.setattr(refund_entries, "taking", lambda *args: [])


def redis_needed(patch: pytest.MonkeyPatch) -> None:
    """A payment that Redis does not hear of fails."""

    async def settle(self: Any, truth: Any, known: Any = None) -> Any:
        return await self._settle(truth, known) or truth

    patch.setattr(desk.Desk, "settle", settle)


def unheard_is_refused(patch: pytest.MonkeyPatch) -> None:
    """A commit whose answer was lost counts as none: the sale is tried anew under another key."""
    paid = checkout.Checkout.pay

    async def pay(self: Any, *args: Any, key: str, **named: Any) -> Any:
        try:
            return await paid(self, *args, key=key, **named)
        except StorageError as error:
            raise Conflict("payment-declined", error.message) from error

    patch.setattr(checkout.Checkout, "pay", pay)


def part_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A sale paid in part is given up, and nobody tells the terminal."""
    patch.setattr(pay_jobs, "BY_CONNECTOR", frozenset())


BUGS: tuple[Plant, ...] = (
    void_skipped,
    hold_skipped,
    entered_twice,
    key_ignored,
    unknown_is_declined,
    refund_rounded_up,
    paid_again_in_doubt,
    answer_forgotten,
    points_not_taken_back,
    redis_needed,
    unheard_is_refused,
    part_forgotten,
)
