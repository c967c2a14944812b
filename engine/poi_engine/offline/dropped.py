"""Sales made without the server that it refuses for good: a person takes them off the tablet, on record."""

import hashlib
from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.pan import find_pan, refuse_pan
from poi_engine.ports import Job
from poi_engine.principal import Principal
from poi_engine.staff.approvals import Allowance, allow, was_allowed
from poi_engine.wiring import Wiring


class Dropped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale that the device gives up: its `offline_id` there; `what` it was, in words, for it may be no sale that can
    be read (when, how much, why it was refused); and the person's `reason`."""

    offline_id: Annotated[str, Meta(min_length=1, max_length=64)]
    what: Annotated[str, Meta(min_length=1, max_length=250)]
    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    approval_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class DroppedSales:
    """The service."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring

    async def drop(
        self, merchant_id: str, station_id: str, dropped: Dropped, *, by: Principal, allowance: Allowance
    ) -> None:
        """Put on record who gives up what, and why; the device then forgets it. Once more takes no second consent."""
        refuse_pan(dropped.what, "$.what")
        refuse_pan(dropped.reason, "$.reason")
        await self._w.places.counter(merchant_id, station_id)  # `NotFound` for another merchant's
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        await self._w.sql.write(lambda: _drop(merchant_id, station_id, dropped, by, allowance, audit_id, at))


def _drop(
    merchant_id: str,
    station_id: str,
    dropped: Dropped,
    by: Principal,
    allowance: Allowance,
    audit_id: str,
    at: int,
) -> Job[None]:
    subject = dropped.offline_id
    if find_pan(subject) is not None:  # that may be why it was refused
        subject = hashlib.sha256(subject.encode()).hexdigest()[:32]
    if (yield from was_allowed(merchant_id, by.who, "resolve", dropped.offline_id, subject, at)):
        return
    second = yield from allow(merchant_id, allowance, "resolve", dropped.offline_id, 0, subject, at)
    why = f"{dropped.reason}; {dropped.what}" + (f"; with {second}" if second else "")
    yield insert_audit(merchant_id, audit_id, by.who, "offline-dropped", subject, why, at, station_id)
