"""How much of a customer somebody sees: by their right, and by whether the customer stands before them."""

from datetime import date

from msgspec import Struct

from poi_engine.checkout.frozen import SURE
from poi_engine.clientele.customers import CustomerView
from poi_engine.clientele.words import short_name
from poi_engine.errors import Conflict, NotFound
from poi_engine.session import Session
from poi_engine.stations import ENDED
from poi_server.http import Call

MANAGERS = frozenset({"owner", "manager"})


class CustomerCard(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A customer as far as the caller may see; what is left out is not shown to them.

    Points as they are, stored value and spend in minor units, times in microseconds since 1970.
    """

    customer_id: str
    display_name: str
    pseudonym: bool
    tier: str
    language: str | None = None
    points: int | None = None
    wallet: int | None = None
    visits: int | None = None
    last_visit_at: int | None = None
    birthday: date | None = None
    segments: tuple[str, ...] | None = None
    spend: int | None = None
    points_owed: int | None = None
    value_owed: int | None = None


_KNOWN = ("language", "points", "visits", "last_visit_at")
_ALL = (*_KNOWN, "wallet", "birthday", "segments", "spend", "points_owed", "value_owed")


async def session_of(call: Call, session_id: str) -> Session | None:
    """The open session that the caller serves; a station its own only."""
    if not session_id:
        return None
    try:
        session = await call.engine.stations.get(call.merchant_id, session_id)
    except NotFound:
        return None
    elsewhere = call.principal.role == "station" and session.station_id != call.principal.subject_id
    return None if elsewhere or session.state in ENDED else session


def stands_there(session: Session | None, customer_id: str, *, surely: bool = False) -> bool:
    """Whether the customer is identified in the session; `surely`: by more than a card that anybody may carry."""
    if session is None or session.identity is None or session.identity.customer_id != customer_id:
        return False
    return not surely or session.identity.assurance in SURE


def card_of(call: Call, view: CustomerView, session: Session | None = None) -> CustomerCard:
    """The customer as the caller sees them."""
    name = view.display_name
    fields: tuple[str, ...] = _ALL
    if call.principal.role not in MANAGERS:
        history = call.principal.role != "partner" and call.acting.may("see_history")
        present = stands_there(session, view.customer_id)
        name = name if history or present else short_name(name)
        surely = history and stands_there(session, view.customer_id, surely=True)
        fields = _ALL if surely else _KNOWN if present else ()
    shown = {field: getattr(view, field) for field in fields}
    return CustomerCard(
        customer_id=view.customer_id, display_name=name, pseudonym=view.pseudonym, tier=view.tier, **shown
    )


def must_see_history(call: Call, session: Session | None, customer_id: str) -> None:
    """A manager looks at any customer; a seller at the one who stands there and has shown who they are."""
    if call.principal.role in MANAGERS:
        return
    if not stands_there(session, customer_id):
        raise Conflict("not-present", "Identify the customer in your session first.", path="session_id", status=403)
    if not stands_there(session, customer_id, surely=True):
        message = "Scan the customer's code, or confirm who they are, before looking at their history."
        raise Conflict("assurance-needed", message, status=403)
