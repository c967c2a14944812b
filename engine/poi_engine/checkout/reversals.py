"""What is to go back and no terminal can be asked about: a person who looked into it ends it, with a reason."""

from contextlib import suppress
from typing import Literal

from poi_engine.checkout.payment import Payment, read_payment
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.settlement import Settlement
from poi_engine.errors import Conflict, DeviceError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.reasons import must_say_why
from poi_engine.wiring import Wiring

PutRight = Literal["declined", "reversed"]


class Reversals:
    """The service."""

    def __init__(self, wiring: Wiring, settlement: Settlement) -> None:
        self._w = wiring
        self._settlement = settlement

    async def end(self, merchant_id: str, payment_id: str, outcome: PutRight, reason: str, *, by: Principal) -> None:
        """A person ends a payment or refund that is *reversing*, audited: no money moved (`declined`), or it did and
        was put right by hand (`reversed`).

        The terminal is asked once more before: what it undid itself nobody gives back a second time.
        """
        must_say_why(reason)
        payment = await self._w.sql.read(lambda: read_payment(merchant_id, payment_id))
        if payment.state != "reversing" or await self._undone_itself(merchant_id, payment):
            raise _not_reversing()
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        await self._w.sql.write(lambda: _end(merchant_id, payment, outcome, reason, by, audit_id, at))

    async def _undone_itself(self, merchant_id: str, payment: Payment) -> bool:
        with suppress(DeviceError):  # its connector is not there
            return await self._settlement.undo(merchant_id, payment)
        return False


def _end(
    merchant_id: str, payment: Payment, outcome: PutRight, reason: str, by: Principal, audit_id: str, at: int
) -> Job[None]:
    rows = yield Query(
        "update payment set state = ?, reason = ?, changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = 'reversing' returning payment_id",
        (outcome, reason[:200], at, merchant_id, payment.payment_id),
    )
    if not rows:
        raise _not_reversing()
    why = f"{payment.amount}; {reason}"
    yield insert_audit(
        merchant_id, audit_id, by.who, f"reversing-{outcome}", payment.payment_id, why, at, by.station_id
    )


def _not_reversing() -> Conflict:
    return Conflict("not-reversing", "This payment is not waiting to go back, or the terminal has undone it itself.")
