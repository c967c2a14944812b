"""How much of people somebody sees: by their right, and by whether the customer stands before them."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.frozen import is_sure
from poi_engine.clientele.customers import CustomerView
from poi_engine.clientele.words import short_name
from poi_engine.errors import Conflict, NotFound
from poi_engine.means import Means
from poi_engine.principal import Scope
from poi_engine.sales import SaleSummary, SaleView
from poi_engine.session import ENDED, Session
from poi_engine.staff.audit import Look, note_look
from poi_engine.staff.rights import Acting, Right
from poi_server.http import READER, Call
from poi_server.problems import Refusal
from poi_server.views import shown, unnamed

MANAGERS = frozenset({"owner", "manager"})
_MISSING = {
    "right-missing": "You have not the right: {right}.",
    "sign-in-needed": "Sign in at this station first.",
}


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


# --- who asks ------------------------------------------------------------------------------------------------------


async def acting_of(call: Call) -> Acting:
    """Who acts, on a route that names no right too; to ask is no sign of life."""
    return await call.services.signins.acting(call.principal, active=False)


def must(acting: Acting, right: Right) -> None:
    """Refuse whoever has not the right."""
    if not acting.may(right):
        raise Refusal(403, acting.missing, _MISSING[acting.missing].format(right=right.replace("_", " ")))


async def must_take(call: Call, station_id: str, means: Means) -> None:
    """Refuse means of payment that the shop does not take."""
    if means not in (await call.engine.places.counter(call.merchant_id, station_id)).means:
        raise Conflict("means-off", f"This shop does not take payments by {means}.", path="$.means")


def must_have_scope(call: Call, scope: Scope, path: str) -> None:
    """Refuse an app whose key has not the scope that this part of the request needs."""
    if scope not in call.principal.scopes:
        raise Refusal(403, "scope-missing", f"This needs an API key with the scope {scope}.", path=path)


async def note(call: Call, act: str, subject_id: str, why: str = "") -> None:
    """Put on record who read what about whom; the same within an hour is one row."""
    by = (await acting_of(call)).by
    look = Look(
        merchant_id=call.merchant_id, by=by, act=act, subject_id=subject_id, why=why, at=call.engine.wiring.at()
    )
    await note_look(call.services.sql, call.services.ids.new("aud"), look)


# --- sessions ------------------------------------------------------------------------------------------------------


def shown_to(call: Call, session: Session) -> Session:
    """The session as a station's screen shows it now."""
    return shown(session, call.engine.wiring.at())


async def screened(call: Call, session: Session) -> Session:
    """The session for whoever looks; where somebody has to sign in and nobody is, without the customer."""
    told = shown_to(call, session)
    return told if (await acting_of(call)).may("sell") else unnamed(told)


async def session_of(call: Call, session_id: str) -> Session | None:
    """The open session that the caller serves: at their own screen, or at a station where they are signed in."""
    if not session_id:
        return None
    try:
        session = await call.engine.stations.get(call.merchant_id, session_id)
    except NotFound:
        return None
    return session if session.state not in ENDED and await _serves(call, session.station_id) else None


async def _serves(call: Call, station_id: str) -> bool:
    role, subject_id = call.principal.role, call.principal.subject_id
    if role != "seller":
        return role in MANAGERS or (role == "station" and subject_id == station_id)
    person = (await call.services.signins.at(call.merchant_id, station_id)).person
    return person is not None and person.seller_id == subject_id


def stands_there(call: Call, session: Session | None, customer_id: str, *, surely: bool = False) -> bool:
    """Whether the customer is identified in the session; `surely`: proved to be one, and not too long ago."""
    if session is None or session.identity is None or session.identity.customer_id != customer_id:
        return False
    return not surely or is_sure(session.identity, call.engine.wiring.at())


# --- customers -----------------------------------------------------------------------------------------------------


def card_of(call: Call, view: CustomerView, session: Session | None = None) -> CustomerCard:
    """The customer as the caller sees them."""
    name = view.display_name
    fields: tuple[str, ...] = _ALL
    if call.principal.role not in MANAGERS:
        history = call.principal.role != "partner" and call.acting.may("see_history")
        present = stands_there(call, session, view.customer_id)
        name = name if history or present else short_name(name)
        surely = history and stands_there(call, session, view.customer_id, surely=True)
        fields = _ALL if surely else _KNOWN if present else ()
    told = {field: getattr(view, field) for field in fields}
    return CustomerCard(
        customer_id=view.customer_id, display_name=name, pseudonym=view.pseudonym, tier=view.tier, **told
    )


def must_stand_there(call: Call, session: Session | None, customer_id: str) -> None:
    """A manager asks about any customer; others about the one who stands at their counter."""
    if call.principal.role not in MANAGERS and not stands_there(call, session, customer_id):
        raise Conflict("not-present", "Identify the customer in your session first.", path="session_id", status=403)


def must_see_history(call: Call, session: Session | None, customer_id: str) -> None:
    """A manager looks at any customer; a seller at the one who stands there and has shown who they are."""
    must_stand_there(call, session, customer_id)
    if call.principal.role not in MANAGERS and not stands_there(call, session, customer_id, surely=True):
        message = "Scan the customer's code, or confirm who they are, before looking at their history."
        raise Conflict("assurance-needed", message, status=403)


# --- sales ---------------------------------------------------------------------------------------------------------


def knows_whose(call: Call) -> bool:
    """Whether a sale tells the caller whose it was: staff who read the books, and apps that read customers."""
    if call.principal.role == "partner":
        return "customers:read" in call.principal.scopes
    return call.principal.role in READER


def sale_for(call: Call, sale: SaleView) -> SaleView:
    """The sale as the caller sees it."""
    if knows_whose(call):
        return sale
    return replace(sale, customer_id=None, receipt=replace(sale.receipt, customer_id=None))


def summary_for(call: Call, sale: SaleSummary) -> SaleSummary:
    """The sale in a list as the caller sees it."""
    return sale if knows_whose(call) else replace(sale, customer_id=None)
