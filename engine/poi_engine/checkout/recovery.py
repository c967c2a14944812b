"""After a crash, and from time to time: payments without an end get one, forgotten reservations are let go.

Each on its own: what one of them stumbles over waits for the next round, and the round goes on.
"""

import logging

from msgspec import Struct

from poi_engine.checkout.payment import PENDING, Payment, payment_row
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.reservation import release
from poi_engine.checkout.settlement import Settlement, session_id_of
from poi_engine.checkout.under_way import UnderWay
from poi_engine.checkout.undoing import Undoing
from poi_engine.desk import Desk
from poi_engine.errors import PoiError
from poi_engine.ports import Job, Query
from poi_engine.settings import read_merchant
from poi_engine.wiring import Wiring

_log = logging.getLogger(__name__)

MINUTE = 60_000_000  # microseconds
_OPEN = ("paying", "unknown")


class Recovered(Struct, kw_only=True):
    """What one round did; `failed`: what it has to look at again."""

    resolved: int = 0
    in_doubt: int = 0
    let_go: int = 0
    failed: int = 0


class Recovery:
    """Resolves payments by asking terminals; never by paying again."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        settlement: Settlement,
        refunds: Refunds,
        under_way: UnderWay,
        undoing: Undoing,
    ) -> None:
        self._w = wiring
        self._desk = desk
        self._settlement = settlement
        self._refunds = refunds
        self._under_way = under_way
        self._undoing = undoing

    async def run(self, *, grace: float = 0.0) -> Recovered:
        """One round over all merchants. With a `grace` (seconds) payments for whose answer another process that shares
        the storage is waiting are left to it."""
        done = Recovered()
        for merchant_id in await self._w.sql.read(_merchants):
            await self._payments(merchant_id, grace, done)
            await self._reservations(merchant_id, done)
        return done

    async def _payments(self, merchant_id: str, grace: float, done: Recovered) -> None:
        for payment, ended in await self._w.sql.read(lambda: _pending(merchant_id)):
            if self._under_way.is_sending(payment.checkout_id):
                continue
            if grace and payment.state == "sending" and await self._is_elsewhere(merchant_id, payment):
                continue
            self._w.trace("recover.payment")
            try:
                resolved = await self._resolve(merchant_id, payment, ended)
            except Exception as error:
                _failed(done, payment.payment_id, error)
                continue
            done.resolved += resolved
            done.in_doubt += not resolved
            self._w.trace("recover.resolved")

    async def _is_elsewhere(self, merchant_id: str, payment: Payment) -> bool:
        return await self._under_way.is_paying(merchant_id, payment.checkout_id)

    async def _resolve(self, merchant_id: str, payment: Payment, ended: bool) -> bool:
        """True when the payment has an end now. One that cannot be asked about stays in doubt for the next round."""
        try:
            if ended:
                return await self._undoing.undo(merchant_id, payment)
            if payment.amount < 0 or payment.document.refunds is not None:
                return await self._refunds.ask(merchant_id, payment.checkout_id) is not None
            await self._settlement.ask(merchant_id, payment.checkout_id)
        except PoiError:
            return False
        state = await self._w.sql.read(lambda: _state(merchant_id, payment.payment_id))
        return state not in PENDING

    async def _reservations(self, merchant_id: str, done: Recovered) -> None:
        for checkout_id in await self._w.sql.read(lambda: _forgotten(merchant_id, self._w.at())):
            self._w.trace("sweep.checkout")
            try:
                done.let_go += await self._let_go(merchant_id, checkout_id)
            except Exception as error:
                _failed(done, checkout_id, error)
            self._w.trace("sweep.let-go")

    async def _let_go(self, merchant_id: str, checkout_id: str) -> bool:
        at = self._w.at()
        gone = await self._w.sql.write(
            lambda: release(
                merchant_id, checkout_id, "released", ("reserved",), ids=self._w.ids, at=at, trace=self._w.trace
            )
        )
        if gone:
            session_id = await self._w.sql.read(lambda: session_id_of(merchant_id, checkout_id))
            await self._desk.load(merchant_id, session_id)
        return gone


def _failed(done: Recovered, subject: str, error: Exception) -> None:
    done.failed += 1
    if isinstance(error, PoiError):
        _log.warning("recovery of %s: %s", subject, error.code)
    else:
        _log.error("recovery of %s failed", subject, exc_info=error)


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]


def _pending(merchant_id: str) -> Job[list[tuple[Payment, bool]]]:
    """Payments without an end, and whether what they took must go back: it must when their checkout has an end.

    Oldest first; sorted here, like the reservations: asked to sort, SQLite walks the primary key through everything
    that the merchant ever had.
    """
    rows = yield Query(
        "select p.*, c.state as checkout_state from payment p join checkout c "
        "on c.merchant_id = p.merchant_id and c.checkout_id = p.checkout_id "
        "where p.merchant_id = ? and p.state in ('sending', 'unknown', 'reversing')",
        (merchant_id,),
    )
    rows = sorted(rows, key=lambda row: row["payment_id"])
    return [(payment_row(row), row["state"] == "reversing" or row["checkout_state"] not in _OPEN) for row in rows]


def _state(merchant_id: str, payment_id: str) -> Job[str]:
    rows = yield Query("select state from payment where merchant_id = ? and payment_id = ?", (merchant_id, payment_id))
    return str(rows[0]["state"])


def _forgotten(merchant_id: str, at: int) -> Job[list[str]]:
    """Reservations that waited for payment longer than the merchant lets them; those made later than now, by a clock
    that was put back since, would wait for it to catch up."""
    patience = (yield from read_merchant(merchant_id)).programme.minutes * MINUTE
    rows = yield Query(
        "select checkout_id from checkout where merchant_id = ? and state <> 'paid' and state = 'reserved' "
        "and (changed_at < ? or changed_at > ?)",
        (merchant_id, at - patience, at + patience),
    )
    return sorted(row["checkout_id"] for row in rows)
