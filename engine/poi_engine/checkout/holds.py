"""Card holds: an amount held on a card for a sale that is still to come, at most one capture, the rest let go.

Holding and letting go are written down before the terminal is asked, and asked again until it answers. Taking is a
payment like any other (`Checkout.pay` with a `hold`).
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import cast

from poi_engine.checkout.hold_rows import CardHold, begin_release, held, insert_hold, read_hold, released, under_way
from poi_engine.checkout.promise import key_of, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.undoing import status_of
from poi_engine.errors import Conflict, DeviceError, PoiError, RequestError
from poi_engine.ports import HoldingConnector, Job, PaymentResult, Query
from poi_engine.principal import Principal
from poi_engine.settings import read_merchant
from poi_engine.wiring import Wiring

_log = logging.getLogger(__name__)


class CardHolds:
    """The holds' service."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._asking: set[str] = set()

    async def open(self, merchant_id: str, station_id: str, amount: int, *, key: str, by: Principal) -> CardHold:
        """Hold `amount` minor units on the card that is presented: `held`, `declined`, or `opening` while nobody knows.

        Once, if repeated.
        """
        if amount < 1:
            raise RequestError("bad-amount", "What is held is 1 minor unit or more.", path="$.amount")
        await self._w.places.must_count(merchant_id, station_id)
        counter = await self._w.places.counter(merchant_id, station_id)
        connector = self._holding(counter.connector)
        asked, hold_id, at = key_of(by, key, "hold", station_id, str(amount)), self._w.ids.new("chd"), self._w.at()
        audit_id = self._w.ids.new("aud")

        def job() -> Job[str]:
            before = yield from promise(merchant_id, asked, hold_id, at)
            if before is not None:
                return before.subject
            currency = (yield from read_merchant(merchant_id)).currency
            yield insert_hold(merchant_id, hold_id, station_id, counter.connector, amount, currency, by.who, at)
            why = f"{amount} {currency}"
            yield insert_audit(merchant_id, audit_id, by.who, "hold-card", hold_id, why, at, station_id)
            return hold_id

        with self._alone(hold_id):
            made = await self._w.sql.write(job)
            self._w.trace("hold.written")
            hold = await self.get(merchant_id, made)
            if made == hold_id:
                await self._told(merchant_id, hold, lambda: _held(connector, hold))
        return await self.get(merchant_id, made)

    async def ask(self, merchant_id: str, hold_id: str) -> CardHold:
        """Ask the terminal about a hold that waits for its word; one that it has never seen is barred."""
        hold = await self.get(merchant_id, hold_id)
        if hold_id not in self._asking:
            with self._alone(hold_id):
                await self._go_on(merchant_id, hold)
        return await self.get(merchant_id, hold_id)

    async def release(self, merchant_id: str, hold_id: str, reason: str, *, by: Principal) -> CardHold:
        """Let the card go: `released`, or `releasing` until the terminal has done it. `Conflict` once it is taken."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            hold = yield from begin_release(merchant_id, hold_id, at)
            if hold.state == "held":
                yield insert_audit(merchant_id, audit_id, by.who, "release-hold", hold_id, reason, at, hold.station_id)

        await self._w.sql.write(job)
        self._w.trace("hold.releasing")
        return await self.ask(merchant_id, hold_id)

    async def get(self, merchant_id: str, hold_id: str) -> CardHold:
        """A hold by its id."""
        return await self._w.sql.read(lambda: read_hold(merchant_id, hold_id))

    async def round(self) -> None:
        """Bring to an end what waits for a terminal's word."""
        for merchant_id in await self._w.sql.read(_merchants):
            for hold in await self._w.sql.read(lambda m=merchant_id: under_way(m)):  # type: ignore[misc]
                if self._w.at() - hold.changed_at < self._w.grace * 1_000_000:
                    continue
                try:
                    await self.ask(merchant_id, hold.hold_id)
                except PoiError as error:  # the next round finds it again
                    _log.warning("hold %s: %s", hold.hold_id, error.code)

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _go_on(self, merchant_id: str, hold: CardHold) -> None:
        connector = self._w.connector(hold.connector)
        if hold.state == "opening":
            await self._told(merchant_id, hold, lambda: status_of(connector, hold.hold_id))
        elif hold.state == "releasing":
            try:
                gone = (await connector.cancel(hold.hold_id)).outcome == "approved"
            except Exception:  # a connector's fault leaves it open; the next round tells it again
                gone = False
            self._w.trace("hold.let-go")
            if gone:
                await self._write(lambda at: released(merchant_id, hold.hold_id, at))

    async def _told(self, merchant_id: str, hold: CardHold, question: Callable[[], Awaitable[PaymentResult]]) -> None:
        """Write the terminal's word; without one the hold waits for it."""
        result = await question()
        self._w.trace("hold.answered")
        good = result.outcome == "approved" and result.amount == hold.amount
        if good or result.outcome == "declined":
            await self._write(lambda at: held(merchant_id, hold.hold_id, result, at))

    async def _write(self, query: Callable[[int], Query]) -> None:
        at = self._w.at()

        def job() -> Job[None]:
            yield query(at)

        await self._w.sql.write(job)

    @contextmanager
    def _alone(self, hold_id: str) -> Iterator[None]:
        """While this process asks the terminal about a hold, nobody else here does."""
        self._asking.add(hold_id)
        try:
            yield
        finally:
            self._asking.discard(hold_id)

    def _holding(self, name: str) -> HoldingConnector:
        connector = self._w.connector(name)
        if not connector.capabilities.holds:
            raise Conflict("no-holds", "This terminal cannot hold an amount and take less of it later.")
        return cast(HoldingConnector, connector)


async def _held(connector: HoldingConnector, hold: CardHold) -> PaymentResult:
    try:
        return await connector.hold(hold.station_id, hold.hold_id, hold.amount, hold.currency)
    except DeviceError as error:  # nothing was sent
        return PaymentResult(outcome="declined", payment_ref=hold.hold_id, reason=error.code)
    except Exception as error:  # anything else may have come after bytes were sent
        return PaymentResult(outcome="unknown", payment_ref=hold.hold_id, reason=type(error).__name__)


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]
