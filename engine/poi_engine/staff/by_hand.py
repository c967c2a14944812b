"""A price changed by hand: who may, how far alone, with whom beyond; each change is in the audit."""

import hashlib
from collections.abc import Sequence

from msgspec import json

from poi_engine.checkout.records import insert_audit
from poi_engine.errors import Forbidden
from poi_engine.ids import Ids
from poi_engine.overrides import Overridden
from poi_engine.ports import Job
from poi_engine.staff.approvals import Allowance, allow, was_allowed
from poi_engine.staff.rights import Acting


def allow_overrides(
    merchant_id: str,
    session_id: str,
    changes: Sequence[Overridden],
    acting: Acting | None,
    approval_id: str | None,
    *,
    ids: Ids,
    at: int,
) -> Job[None]:
    """Refuse what the person may not, or not alone; put on record who changed which price, from what to what, why.

    It is written before the session is: the same once more, where that failed, takes no second consent.
    """
    if acting is None or not acting.may("override"):
        code = acting.missing if acting else "right-missing"
        raise Forbidden(code, "You may not change a price here.", path="$.entries")
    beyond = sum(one.difference for one in changes if _takes_two(acting, one))
    allowance = Allowance(who=acting.by.who, needs=beyond > 0, approval_id=approval_id if beyond else None)
    what = _digest(changes)
    if beyond and (yield from was_allowed(merchant_id, acting.by.who, "override", session_id, what, at)):
        return
    second = yield from allow(merchant_id, allowance, "override", session_id, beyond, what, at)
    for one in changes:
        yield insert_audit(
            merchant_id,
            ids.new("aud"),
            acting.by.who,
            "override",
            session_id,
            _why(one, second),
            at,
            acting.by.station_id,
        )


def must_load_value(acting: Acting | None) -> None:
    """Stored value is sold by who may load it; without a word on who acts, nobody is asked."""
    if acting is not None and not acting.may("load_value"):
        raise Forbidden(acting.missing, "You may not load wallets and gift cards.", path="$.entries")


def _digest(changes: Sequence[Overridden]) -> str:
    return hashlib.sha256(json.encode(changes)).hexdigest()[:32]


def _takes_two(acting: Acting, one: Overridden) -> bool:
    person = acting.person
    return person is not None and person.role == "seller" and one.goes_beyond(person.override_limit)


def _why(one: Overridden, second: str | None) -> str:
    what = f"{one.code[:40]} x {one.quantity / 1000:g}: {one.list_price} -> {one.unit_price}"
    return f"{what}; {one.reason}" + (f"; with {second}" if second else "")
