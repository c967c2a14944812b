"""Tabs: payments of cents batched into one card capture. The terminal is asked twice: to hold, and to take.

Each asking is written down before it is sent, under a reference of its own. What gets no answer stays as it is until
the terminal is asked for the status; a reference that it has never seen is sent again, the same one.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from poi_engine import ledger
from poi_engine.checkout.frozen import is_sure
from poi_engine.checkout.promise import key_of, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.undoing import cancelled
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, DeviceError, Forbidden, PoiError, RequestError
from poi_engine.fiscal.pay_backs import begin_pay_back, record_pay_back
from poi_engine.ledger import Move
from poi_engine.ports import HoldingConnector, Job, PaymentResult, Query, Row
from poi_engine.principal import Principal
from poi_engine.reasons import must_say_why
from poi_engine.settings import read_merchant, write_setting
from poi_engine.staff.approvals import Allowance, allow
from poi_engine.value.rules import TabRules
from poi_engine.value.tab_rows import (
    UNDER_WAY,
    Tab,
    TabEnd,
    begin_closing,
    capture_ref,
    closed,
    doubtful,
    end_doubt,
    insert_tab,
    lock_tab,
    not_opened,
    opened,
    owed_on,
    read_tab,
    rows_in,
    tab_account,
    tabs_of,
)
from poi_engine.value.wallet import PaidBack
from poi_engine.wiring import Wiring

HOUR = 3_600_000_000  # microseconds
WHO = "server:tabs"
_log = logging.getLogger(__name__)

_Question = Callable[[], Awaitable[PaymentResult]]
_Act = Callable[[str, str, PaymentResult], Awaitable[None]]


class Tabs:
    """The tabs' service."""

    def __init__(self, wiring: Wiring, desk: Desk) -> None:
        self._w = wiring
        self._desk = desk
        self._asking: set[str] = set()

    async def open(
        self, merchant_id: str, session_id: str, ceiling: int | None = None, *, key: str, by: Principal
    ) -> Tab:
        """Hold the card of the session's customer for a ceiling, None: the merchant's most. Once, if repeated."""
        asked = key_of(by, key, "tab", session_id, str(ceiling))
        session = await self._desk.load(merchant_id, session_id)
        await self._w.places.must_count(merchant_id, session.station_id)
        counter = await self._w.places.counter(merchant_id, session.station_id)
        connector = self._holding(counter.connector)
        if session.identity is None or not is_sure(session.identity, self._w.at()):
            raise Forbidden("assurance-needed", "Scan the customer's code, or confirm who they are, to open a tab.")
        customer_id, tab_id, at = session.identity.customer_id, self._w.ids.new("tab"), self._w.at()
        audit_id = self._w.ids.new("aud")

        def job() -> Job[str]:
            before = yield from promise(merchant_id, asked, tab_id, at)
            if before is not None:
                return before.subject
            merchant = yield from read_merchant(merchant_id)
            most = merchant.programme.tabs.most
            if ceiling is not None and not 1 <= ceiling <= most:
                raise RequestError("bad-ceiling", f"A tab's ceiling is 1 to {most} minor units.", path="$.ceiling")
            yield from insert_tab(
                *(merchant_id, tab_id, customer_id, counter.store_id, session.station_id, counter.connector),
                *(merchant.currency, ceiling or most, by.who, at),
            )
            why = f"{ceiling or most} {merchant.currency}"
            yield insert_audit(merchant_id, audit_id, by.who, "open-tab", tab_id, why, at, session.station_id)
            return tab_id

        with self._alone(tab_id):
            made = await self._w.sql.write(job)
            tab = await self.get(merchant_id, made)
            if made == tab_id:
                await self._told(merchant_id, tab_id, lambda: _held_in_full(connector, tab), self._held)
        return await self.get(merchant_id, made)

    async def close(self, merchant_id: str, tab_id: str, reason: str, *, by: Principal) -> Tab:
        """Take what was spent from the card, in one capture; closing again asks how that went."""
        must_say_why(reason)
        await self._close(merchant_id, tab_id, by.who, reason, by.station_id)
        return await self.get(merchant_id, tab_id)

    async def pay_back(
        self,
        merchant_id: str,
        tab_id: str,
        paid_back: PaidBack,
        reason: str,
        *,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> Tab:
        """Pay back by hand what refunds after the capture left on a tab. Once, if repeated."""
        must_say_why(reason)
        asked = key_of(by, key, "tab-pay-back", tab_id, paid_back, reason)
        await self._w.places.must_count(merchant_id, by.station_id)
        new_id, audit_id, at = self._w.ids.new("tpb"), self._w.ids.new("aud"), self._w.at()
        found = allowance or Allowance(who=by.who)

        def job() -> Job[None]:
            if (yield from promise(merchant_id, asked, new_id, at)) is not None:
                return
            yield from begin_pay_back(merchant_id, by, at)
            left, currency = yield from owed_on(merchant_id, tab_id)
            yield from allow(merchant_id, found, "refund", tab_id, left, new_id, at)
            credit = f"tender:{paid_back}"
            move = Move(kind="close_out", debit=tab_account(tab_id), credit=credit, amount=left, unit=currency)
            yield from ledger.enter(merchant_id, new_id, [move], ids=self._w.ids, at=at)
            why = f"{left} {currency} by {paid_back}; {reason}"
            yield insert_audit(merchant_id, audit_id, by.who, "tab-paid-back", tab_id, why, at, by.station_id)
            yield from record_pay_back(merchant_id, by, new_id, left, currency, paid_back, at)

        await self._w.sql.write(job)
        return await self.get(merchant_id, tab_id)

    async def resolve(
        self,
        merchant_id: str,
        tab_id: str,
        outcome: TabEnd,
        reason: str,
        *,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> Tab:
        """A person says what the terminal does not: whether the card is held, or was charged. Recorded in the audit.

        `declined` is undone at the terminal, should it have happened there.
        """
        must_say_why(reason)
        audit_id, at, found = self._w.ids.new("aud"), self._w.at(), allowance or Allowance(who=by.who)

        def job() -> Job[Row]:
            row = yield from lock_tab(merchant_id, tab_id)
            if row["state"] not in UNDER_WAY:
                raise Conflict("not-in-doubt", "Nothing of this tab is in doubt.")
            yield from allow(merchant_id, found, "resolve", tab_id, doubtful(row), tab_id, at)
            act = f"resolve-tab-{outcome}"
            yield insert_audit(merchant_id, audit_id, by.who, act, tab_id, reason, at, by.station_id)
            said = PaymentResult(outcome=outcome, payment_ref=tab_id, reason=reason)
            yield from end_doubt(merchant_id, row, said, ids=self._w.ids, at=at)
            return row

        with self._alone(tab_id):
            row = await self._w.sql.write(job)
            if outcome == "declined":
                await self._undo(row)
        return await self.get(merchant_id, tab_id)

    async def get(self, merchant_id: str, tab_id: str) -> Tab:
        """A tab by its id."""
        return await self._w.sql.read(lambda: read_tab(merchant_id, tab_id))

    async def of_customer(self, merchant_id: str, customer_id: str, *, limit: int = 20) -> list[Tab]:
        """A customer's tabs, newest first."""
        return await self._w.sql.read(lambda: tabs_of(merchant_id, customer_id, limit))

    async def rules(self, merchant_id: str) -> TabRules:
        """The merchant's rules of tabs."""
        return (await self._w.sql.read(lambda: read_merchant(merchant_id))).programme.tabs

    async def change(self, merchant_id: str, rules: TabRules, *, by: Principal) -> TabRules:
        """Other rules."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "tabs", rules)
            why = f"most {rules.most}, close below {rules.close_below} or after {rules.hours} hours"
            yield insert_audit(merchant_id, audit_id, by.who, "change-tabs", "tabs", why, at)

        await self._w.sql.write(job)
        return rules

    async def round(self) -> None:
        """Bring to an end what waits for a terminal's word; close what is old, or nearly spent."""
        for merchant_id in await self._w.sql.read(_merchants):
            rules = await self.rules(merchant_id)
            for row in await self._w.sql.read(lambda m=merchant_id: rows_in(m, (*UNDER_WAY, "open"))):  # type: ignore[misc]
                try:
                    await self._look_after(merchant_id, row, rules)
                except PoiError as error:  # the next round finds it again
                    _log.warning("tab %s: %s", row["tab_id"], error.code)

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _look_after(self, merchant_id: str, row: Row, rules: TabRules) -> None:
        tab_id, at = row["tab_id"], self._w.at()
        if row["state"] == "open":
            left = (await self._w.sql.read(lambda: ledger.balance(merchant_id, tab_account(tab_id)))).available
            if at - row["created_at"] >= rules.hours * HOUR or left < rules.close_below:
                why = "its time is over" if left >= rules.close_below else "it is nearly spent"
                await self._close(merchant_id, tab_id, WHO, why, None)
        elif tab_id in self._asking or at - row["changed_at"] < self._w.grace * 1_000_000:
            return
        elif row["state"] == "closing":
            await self._capture(merchant_id, row)
        else:
            await self._ask(merchant_id, tab_id, lambda: self._hold_status(row), self._held)

    async def _close(self, merchant_id: str, tab_id: str, who: str, why: str, station_id: str | None) -> None:
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        row = await self._w.sql.write(lambda: begin_closing(merchant_id, tab_id, who, why, audit_id, at, station_id))
        if row["state"] == "closing" and tab_id not in self._asking:
            await self._capture(merchant_id, row)
        elif row["state"] == "opening":
            raise Conflict("tab-busy", "The terminal has not said yet whether the card is held.")

    async def _capture(self, merchant_id: str, row: Row) -> None:
        """Take the sum that was written; nothing to take, let the hold go."""
        await self._ask(merchant_id, row["tab_id"], lambda: self._taken(row), self._captured)

    async def _taken(self, row: Row) -> PaymentResult:
        """The terminal's word on the capture; one that it has never seen is sent, under the same reference."""
        connector, tab_id = self._holding(row["connector"]), row["tab_id"]
        if row["captured"] == 0:
            return await connector.cancel(tab_id)
        said = await connector.status(capture_ref(tab_id))
        if said.outcome != "not_found":
            return said
        return await connector.capture_hold(row["station_id"], tab_id, capture_ref(tab_id), row["captured"])

    async def _hold_status(self, row: Row) -> PaymentResult:
        """The terminal's word on a hold; one that it has never seen is barred, and the tab is not opened.

        A question that was not sent says nothing: the card may be held.
        """
        tab_id = row["tab_id"]
        try:
            connector = self._holding(row["connector"])
            said = await connector.status(tab_id)
            if said.outcome == "not_found" and (await connector.cancel(tab_id)).outcome == "approved":
                return PaymentResult(outcome="declined", payment_ref=tab_id, reason="never reached the terminal")
            return await _in_full(connector, tab_id, row["ceiling"], said)
        except DeviceError as error:
            return PaymentResult(outcome="unknown", payment_ref=tab_id, reason=error.code)

    async def _undo(self, row: Row) -> None:
        """Let go what a person says did not happen; a terminal that is gone, or cannot, leaves it to its bank."""
        taking = row["state"] == "closing" and row["captured"] > 0
        with suppress(PoiError):
            connector = self._w.connector(row["connector"])
            await cancelled(connector, capture_ref(row["tab_id"]) if taking else row["tab_id"])

    async def _ask(self, merchant_id: str, tab_id: str, question: _Question, act: _Act) -> None:
        with self._alone(tab_id):
            await self._told(merchant_id, tab_id, question, act)

    @staticmethod
    async def _told(merchant_id: str, tab_id: str, question: _Question, act: _Act) -> None:
        try:
            result = await question()
        except DeviceError as error:  # nothing was sent
            result = PaymentResult(outcome="not_sent", payment_ref=tab_id, reason=error.code)
        except Exception as error:  # anything else may have come after bytes were sent
            result = PaymentResult(outcome="unknown", payment_ref=tab_id, reason=type(error).__name__)
        await act(merchant_id, tab_id, result)

    async def _held(self, merchant_id: str, tab_id: str, result: PaymentResult) -> None:
        at = self._w.at()
        if result.outcome == "approved":
            await self._w.sql.write(lambda: opened(merchant_id, tab_id, result, ids=self._w.ids, at=at))
        elif result.outcome in ("declined", "not_sent"):

            def job() -> Job[None]:
                yield not_opened(merchant_id, tab_id, result.reason, at)

            await self._w.sql.write(job)

    async def _captured(self, merchant_id: str, tab_id: str, result: PaymentResult) -> None:
        """Approved or declined ends the tab; anything else is asked again by the next round."""
        if result.outcome in ("approved", "declined"):
            paid, at = result.outcome == "approved", self._w.at()
            reason = "" if paid else result.reason
            await self._w.sql.write(
                lambda: closed(merchant_id, tab_id, paid=paid, reason=reason, ids=self._w.ids, at=at)
            )

    @contextmanager
    def _alone(self, tab_id: str) -> Iterator[None]:
        """While this process asks the terminal about a tab, nobody else here does."""
        if tab_id in self._asking:
            raise Conflict("tab-busy", "The terminal is being asked about this tab.")
        self._asking.add(tab_id)
        try:
            yield
        finally:
            self._asking.discard(tab_id)

    def _holding(self, name: str) -> HoldingConnector:
        connector = self._w.connector(name)
        if not connector.capabilities.holds:
            raise Conflict("no-holds", "This terminal cannot hold an amount and take less of it later.")
        return cast(HoldingConnector, connector)


async def _held_in_full(connector: HoldingConnector, tab: Tab) -> PaymentResult:
    """Hold the ceiling. Raises `DeviceError` when nothing was sent."""
    said = await connector.hold(tab.station_id, tab.tab_id, tab.ceiling, tab.currency)
    try:
        return await _in_full(connector, tab.tab_id, tab.ceiling, said)
    except DeviceError as error:
        return PaymentResult(outcome="unknown", payment_ref=tab.tab_id, reason=error.code)


async def _in_full(connector: HoldingConnector, tab_id: str, ceiling: int, said: PaymentResult) -> PaymentResult:
    """A hold of another amount than the ceiling is let go: what is spent above it could not be taken."""
    if said.outcome != "approved" or said.amount == ceiling:
        return said
    if (await connector.cancel(tab_id)).outcome == "approved":
        return PaymentResult(outcome="declined", payment_ref=tab_id, reason=f"{said.amount} held, not {ceiling}")
    return PaymentResult(outcome="unknown", payment_ref=tab_id, reason="not cancelled")


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]
