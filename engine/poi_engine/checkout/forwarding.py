"""Cards that were taken while the bank was away, forwarded once it is back; what it declines waits for a person."""

from typing import cast

from poi_engine.checkout.at_risk import AtRisk, Ended, PaidBy, at_risk, begin, drop_ended, due, end, heard, still_away
from poi_engine.checkout.records import insert_audit
from poi_engine.errors import DeviceError, RequestError
from poi_engine.ports import Job, OfflineConnector, PaymentResult, Query
from poi_engine.principal import Principal
from poi_engine.reasons import must_say_why
from poi_engine.wiring import Wiring


class Forwarding:
    """The service."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring

    async def round(self) -> int:
        """Forward what waits, the oldest first; a terminal whose bank is still away is asked once. Returns how many
        the bank has answered."""
        done = 0
        for merchant_id in await self._w.sql.read(_merchants):
            done += await self._forward_all(merchant_id)
        return done

    async def waiting(self, merchant_id: str) -> list[AtRisk]:
        """What the bank has not got yet, and what it declined."""
        return await self._w.sql.read(lambda: at_risk(merchant_id))

    async def end(
        self,
        merchant_id: str,
        payment_id: str,
        outcome: Ended,
        reason: str,
        *,
        paid_by: PaidBy | None = None,
        by: Principal,
    ) -> None:
        """A person ends what the bank declined, audited: `paid` since, and `paid_by` what; or `lost`, written off."""
        must_say_why(reason)
        if (outcome == "paid") != (paid_by is not None):
            raise RequestError("bad-means", "Say by what it was paid, if it was.", path="$.paid_by")
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            amount = yield from end(merchant_id, payment_id, outcome, paid_by, ids=self._w.ids, at=at)
            why, act = f"{amount}{f' by {paid_by}' if paid_by else ''}; {reason}"[:200], f"forward-{outcome}"
            yield insert_audit(merchant_id, audit_id, by.who, act, payment_id, why, at, by.station_id)

        await self._w.sql.write(job)

    async def _forward_all(self, merchant_id: str) -> int:
        away: set[str] = set()
        done = 0
        patience = int(self._w.grace * 1_000_000)  # another process may be waiting for its answer
        for one in await self._w.sql.read(lambda: due(merchant_id, self._w.at() - patience)):
            if one.connector in away:
                continue
            try:
                done += await self._forward(merchant_id, one)
            except DeviceError:
                away.add(one.connector)
        await self._w.sql.write(lambda: _only(drop_ended(merchant_id, self._w.at())))
        return done

    async def _forward(self, merchant_id: str, one: AtRisk) -> bool:
        """Whether the bank has answered. What was told before is asked about before it is told again."""
        if not await self._w.sql.write(lambda: begin(merchant_id, one, self._w.at())):
            return False
        self._w.trace("forward.begun")
        try:
            result = await self._asked(one)
        except DeviceError as error:
            code = error.code
            if one.state == "waiting":
                await self._w.sql.write(lambda: _only(still_away(merchant_id, one, code, self._w.at())))
            raise
        self._w.trace("forward.answered")
        if result.outcome not in ("approved", "declined") or (result.outcome == "approved" and not result.guaranteed):
            return False
        audit_id = self._w.ids.new("aud")
        await self._w.sql.write(lambda: heard(merchant_id, one, result, audit_id, self._w.at()))
        self._w.trace("forward.told")
        return True

    async def _asked(self, one: AtRisk) -> PaymentResult:
        connector = cast(OfflineConnector, self._w.connector(one.connector))
        try:
            if one.state == "sending":
                known = await connector.status(one.payment_id)
                if known.outcome != "approved" or known.guaranteed:
                    return known
            return await connector.forward(one.payment_id)
        except DeviceError:
            raise
        except Exception as error:  # it may have been told: the next round asks
            return PaymentResult(outcome="unknown", payment_ref=one.payment_id, reason=type(error).__name__)


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant")
    return sorted(row["merchant_id"] for row in rows)


def _only(query: Query) -> Job[None]:
    yield query
