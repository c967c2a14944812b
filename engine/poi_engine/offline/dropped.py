"""Sales made without the server that it refuses for good: a person takes them off the tablet, on record.

The server judges the sale anew, as it would record it: what it takes, or has, is not dropped.
"""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.errors import PoiError, RequestError
from poi_engine.offline.fate import checkout_of, settle_fate
from poi_engine.offline.sales import OfflineSale, OfflineSales
from poi_engine.pan import find_pan, refuse_pan
from poi_engine.ports import Job
from poi_engine.principal import Principal
from poi_engine.staff.approvals import Allowance, allow, was_allowed
from poi_engine.wiring import Wiring

_ANOTHER = "idempotency-mismatch"
"""Another sale was recorded by its name, and stays."""


class Dropped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale that the device gives up: its `offline_id` there; the `sale` as the device has it, for it may be none that
    can be read; and the person's `reason`."""

    offline_id: Annotated[str, Meta(min_length=1, max_length=64)]
    sale: dict[str, Any]
    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    approval_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class DroppedSales:
    """The service."""

    def __init__(self, wiring: Wiring, offline: OfflineSales) -> None:
        self._w = wiring
        self._offline = offline

    async def drop(
        self, merchant_id: str, station_id: str, dropped: Dropped, *, by: Principal, allowance: Allowance
    ) -> None:
        """Put on record who gives up what, why it was refused, and why they do; the device then forgets it. Once more
        takes no second consent. `Conflict` `not-refused` when it is recorded, or would be."""
        refuse_pan(dropped.reason, "$.reason")
        await self._w.places.counter(merchant_id, station_id)  # `NotFound` for another merchant's
        refused = await self._refusal(merchant_id, station_id, dropped, by)
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        drop = (merchant_id, station_id, dropped, refused, by, allowance, audit_id, at)
        await self._w.sql.write(lambda: _drop(*drop))

    async def _refusal(self, merchant_id: str, station_id: str, dropped: Dropped, by: Principal) -> PoiError:
        told = {**dropped.sale, "offline_id": dropped.offline_id}
        try:
            sale = msgspec.convert(told, OfflineSale)
        except msgspec.ValidationError as error:
            return RequestError("unreadable", f"It is no sale that can be read: {error}")
        return await self._offline.refusal(merchant_id, station_id, sale, by=by)


def _drop(
    merchant_id: str,
    station_id: str,
    dropped: Dropped,
    refused: PoiError,
    by: Principal,
    allowance: Allowance,
    audit_id: str,
    at: int,
) -> Job[None]:
    made_at = dropped.sale.get("from_station")
    checkout_id = checkout_of(made_at if isinstance(made_at, str) else station_id, dropped.offline_id)
    subject = dropped.offline_id
    if find_pan(subject) is not None:  # that may be why it was refused
        subject = hashlib.sha256(subject.encode()).hexdigest()[:32]
    if refused.code == _ANOTHER:
        if (yield from was_allowed(merchant_id, by.who, "resolve", dropped.offline_id, subject, at)):
            return
    elif not (yield from settle_fate(merchant_id, checkout_id, "dropped", at)):
        return
    second = yield from allow(merchant_id, allowance, "resolve", dropped.offline_id, 0, subject, at)
    why = f"{dropped.reason}; {_what(dropped, refused)}" + (f"; with {second}" if second else "")
    yield insert_audit(merchant_id, audit_id, by.who, "offline-dropped", subject, why, at, station_id)


def _what(dropped: Dropped, refused: PoiError) -> str:
    """When it was sold, for how much, and why it was refused; nothing of it that holds a card's number."""
    sold_at, total = (str(dropped.sale.get(name))[:40] for name in ("sold_at", "total"))
    refusal = f"{refused.code}: {refused.message}"
    words = next(text for text in (f"{sold_at} {total}: {refusal}", refusal, refused.code) if find_pan(text) is None)
    return words[:250]
