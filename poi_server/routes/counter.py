"""The counter: sessions at stations, what is scanned and tapped there, acceptance and payment."""

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.basket import MAX_SUBTOTAL, BasketEntry
from poi_engine.checkout.resolving import PaymentEnd
from poi_engine.clock import moment
from poi_engine.errors import Forbidden
from poi_engine.identify import Vouched
from poi_engine.means import Means
from poi_engine.session import Session
from poi_engine.staff.approvals import allowance_of
from poi_engine.value.lines import is_value
from poi_qr.present import qr_svg, station_url
from poi_server.http import COUNTER, Call, Routes
from poi_server.sight import acting_of, must, must_take, screened, shown_to
from poi_server.wire import Upload
from poi_server.words import Word

routes = Routes("counter")

JOIN_SECONDS = 120

Reference = Annotated[str, Meta(min_length=1, max_length=64)]


class BasketBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole basket as it shall be: lines by product code, or plain amounts in minor units.

    `approval_id`: a second person's consent to a price changed by hand further than the seller may alone. `explain`
    false: no reasons of offers that do not hold, for a till that shows none.
    """

    entries: Annotated[tuple[BasketEntry, ...], Meta(max_length=200)]
    codes: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=20)] = ()
    rewards: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    revision: int | None = None
    approval_id: Reference | None = None
    explain: bool = True


class TypedScan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line as a keyboard-wedge scanner typed it."""

    text: Annotated[str, Meta(min_length=1, max_length=4096)]


class Seen(Struct, frozen=True, kw_only=True):
    """What came of a picture or line: the session afterwards, if a code was read; of a look, the product's code."""

    seen: bool
    scheme: str | None = None
    session: Session | None = None
    code: str | None = None


class TapBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An emulated loyalty card held into the station's emulated field for some seconds."""

    card: Reference
    type: Literal[2, 4] = 4
    seconds: Annotated[float, Meta(gt=0, le=10)] = 0.6


class VouchBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How staff know the customer: in person, by an identity document, by what they could tell of themselves.

    `approval_id`: a second person's consent, for a card that staff linked less than a day ago.
    """

    how: Vouched
    approval_id: Reference | None = None


class AcceptBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The decision that was shown and its total (minor units): nothing else is accepted."""

    decision_id: str
    total: Annotated[int, Meta(ge=0)]


class PayBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With what the accepted total, or a part of it, is paid. Amounts in minor units.

    `amount`: None is all that is due. `given`: the cash handed over. `gift_card`: the card's code.
    `decision_id`: the decision that was accepted; when it is another by now, nothing is paid.
    """

    means: Means = "card"
    amount: Annotated[int, Meta(ge=1, le=MAX_SUBTOTAL)] | None = None
    given: Annotated[int, Meta(ge=1, le=MAX_SUBTOTAL)] | None = None
    gift_card: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    decision_id: Reference | None = None


class ResolveBody(Word, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's word on a payment that the terminal never answered; a seller's takes a second person's consent.

    `payment_id`: the payment they mean; refused when another is in doubt by now.
    """

    outcome: PaymentEnd
    payment_id: Reference | None = None


class JoinCode(Struct, frozen=True, kw_only=True):
    """The code that a customer's phone scans at the station; it changes, and works once."""

    url: str
    qr_svg: str
    expires_at: datetime


def own_station(call: Call, station_id: str) -> str:
    """The station's id, if this caller may act there: a station acts only at itself."""
    if call.principal.role == "station" and call.principal.subject_id != station_id:
        raise Forbidden("other-station", "This screen belongs to another station.")
    return station_id


async def own_session(call: Call, session_id: str) -> Session:
    """The session, if this caller may act on it."""
    session = await call.engine.stations.get(call.merchant_id, session_id)
    own_station(call, session.station_id)
    return session


@routes.post(
    "/v1/stations/{station_id}/session", roles=COUNTER, right="sell", summary="The station's open session, or a new one"
)
async def open_session(call: Call, station_id: str) -> Session:
    return shown_to(call, await call.engine.stations.open(call.merchant_id, own_station(call, station_id)))


@routes.get("/v1/stations/{station_id}/session", roles=COUNTER, summary="The station's current session")
async def current_session(call: Call, station_id: str) -> Session | None:
    session = await call.engine.stations.current(call.merchant_id, own_station(call, station_id))
    return await screened(call, session) if session else None


@routes.get("/v1/sessions/{session_id}", roles=COUNTER, summary="One session")
async def get_session(call: Call, session_id: str) -> Session:
    return await screened(call, await own_session(call, session_id))


@routes.put(
    "/v1/sessions/{session_id}/basket",
    roles=COUNTER,
    right="sell",
    summary="Set the basket; the offers are decided anew",
)
async def set_basket(call: Call, session_id: str, body: BasketBody) -> Session:
    if any(is_value(entry.code) for entry in body.entries):
        must(call.acting, "load_value")
    known = await own_session(call, session_id)
    session = await call.engine.stations.set_basket(
        call.merchant_id,
        session_id,
        body.entries,
        codes=body.codes,
        rewards=body.rewards,
        revision=body.revision,
        known=known,
        acting=call.acting,
        approval_id=body.approval_id,
        explain=None if body.explain else "eligible",
    )
    return shown_to(call, session)


@routes.post(
    "/v1/stations/{station_id}/scan",
    roles=COUNTER,
    right="sell",
    summary="A camera frame, a photo (still=1) or a scanner's line: identifies a customer or adds a product",
)
async def scan(call: Call, station_id: str, body: TypedScan | Upload, still: bool = False, look: bool = False) -> Seen:
    """`look`: a product's code is only read, for its sheet; nothing is added."""
    own_station(call, station_id)
    scanning, source = call.services.scanning, f"scan:{station_id}"
    if isinstance(body, Upload):
        found = await scanning.read_image(source, body.content, still=still)
    else:
        found = scanning.read_line(source, body.text)
    if found is None:
        return Seen(seen=False)
    if look and found.scheme in ("gtin", "product"):
        return Seen(seen=True, scheme=found.scheme, code=found.subject)
    session = await call.engine.stations.present(call.merchant_id, station_id, found)
    return Seen(seen=True, scheme=found.scheme, session=shown_to(call, session))


@routes.post(
    "/v1/stations/{station_id}/tap",
    roles=COUNTER,
    summary="Hold an emulated loyalty card to the station's reader",
)
async def tap(call: Call, station_id: str, body: TapBody) -> None:
    own_station(call, station_id)
    await call.services.setup.station(call.merchant_id, station_id)
    await call.services.readers.present_card(station_id, body.card, body.type, body.seconds)


@routes.post(
    "/v1/stations/{station_id}/join-code", roles=COUNTER, summary="The code that a customer's phone scans here"
)
async def join_code(call: Call, station_id: str) -> JoinCode:
    """Somebody has to be signed in where that is required; that a screen keeps the code fresh is no sign of life."""
    must(await acting_of(call), "sell")
    own_station(call, station_id)
    await call.services.setup.station(call.merchant_id, station_id)
    pairing = await call.services.access.invite(call.merchant_id, "phone", station_id, seconds=JOIN_SECONDS)
    url = station_url(call.base_url, station_id, pairing.secret)
    return JoinCode(url=url, qr_svg=qr_svg(url, error="m"), expires_at=moment(pairing.expires_at))


@routes.post(
    "/v1/sessions/{session_id}/confirm-identity",
    roles=COUNTER,
    right="confirm_identity",
    summary="Staff confirms who it is (recorded)",
)
async def confirm_identity(call: Call, session_id: str, body: VouchBody) -> Session:
    await own_session(call, session_id)
    vouched = await call.engine.stations.confirm_identity(
        call.merchant_id, session_id, call.by, how=body.how, approval_id=body.approval_id
    )
    return shown_to(call, vouched)


@routes.post(
    "/v1/sessions/{session_id}/card",
    roles=COUNTER,
    right="take_payment",
    summary="See the card before the amount, and decide again",
)
async def card(call: Call, session_id: str) -> Session:
    await own_session(call, session_id)
    return shown_to(call, await call.engine.stations.see_card(call.merchant_id, session_id))


@routes.post(
    "/v1/sessions/{session_id}/accept",
    roles=COUNTER,
    right="take_payment",
    summary="Accept the decision: freeze it and reserve",
)
async def accept(call: Call, session_id: str, body: AcceptBody) -> Session:
    known = await own_session(call, session_id)
    session = await call.engine.checkout.accept(
        call.merchant_id, session_id, body.decision_id, body.total, by=call.by, known=known
    )
    return shown_to(call, session)


@routes.post(
    "/v1/sessions/{session_id}/pay",
    roles=COUNTER,
    right="take_payment",
    idempotent=True,
    summary="Pay the accepted total, or a part of it",
)
async def pay(call: Call, session_id: str, body: PayBody) -> Session:
    known = await call.engine.stations.stored(call.merchant_id, session_id)
    station_id = own_station(call, known.station_id)
    await must_take(call, station_id, body.means)
    paying = call.engine.checkout.pay(
        call.merchant_id,
        session_id,
        body.means,
        body.amount,
        given=body.given,
        gift_card=body.gift_card,
        decision_id=body.decision_id,
        station_id=station_id,
        key=call.key,
        by=call.by,
        known=known,
    )
    return shown_to(call, await asyncio.shield(paying))  # a caller who hangs up does not interrupt a payment


@routes.post(
    "/v1/sessions/{session_id}/status",
    roles=COUNTER,
    right="sell",
    summary="Ask the terminal what became of the payment",
)
async def ask_status(call: Call, session_id: str) -> Session:
    await own_session(call, session_id)
    return shown_to(call, await call.engine.checkout.ask_status(call.merchant_id, session_id))


@routes.post(
    "/v1/sessions/{session_id}/resolve", roles=COUNTER, right="resolve", summary="Say what became of an unknown payment"
)
async def resolve(call: Call, session_id: str, body: ResolveBody) -> Session:
    await own_session(call, session_id)
    resolving = call.engine.resolving.payment(
        call.merchant_id,
        session_id,
        body.outcome,
        body.reason,
        by=call.by,
        payment_id=body.payment_id,
        allowance=allowance_of(call.acting, "resolve", body.approval_id),
    )
    return shown_to(call, await asyncio.shield(resolving))


@routes.post(
    "/v1/sessions/{session_id}/abandon",
    roles=COUNTER,
    right="sell",
    summary="Give the session up; what was held is let go, what was paid in part goes back",
)
async def abandon(call: Call, session_id: str) -> Session:
    """Giving back what was paid in part takes the right to take payments."""
    known = await own_session(call, session_id)
    if any(tender.state == "captured" for tender in known.tenders):
        must(call.acting, "take_payment")
    return shown_to(call, await call.engine.stations.abandon(call.merchant_id, session_id, known, by=call.by))


@routes.post(
    "/v1/sessions/{session_id}/forget-customer",
    roles=COUNTER,
    right="sell",
    summary="It is somebody else: nobody is known",
)
async def forget_customer(call: Call, session_id: str) -> Session:
    await own_session(call, session_id)
    return shown_to(call, await call.engine.stations.forget_customer(call.merchant_id, session_id))


@routes.post(
    "/v1/sessions/{session_id}/forget-card",
    roles=COUNTER,
    right="sell",
    summary="Another means will pay: decide without it",
)
async def forget_card(call: Call, session_id: str) -> Session:
    await own_session(call, session_id)
    return shown_to(call, await call.engine.stations.forget_card(call.merchant_id, session_id))


@routes.post(
    "/v1/sessions/{session_id}/set-aside",
    roles=COUNTER,
    right="sell",
    summary="Serve the next one while a payment is in doubt",
)
async def set_aside(call: Call, session_id: str) -> Session:
    await own_session(call, session_id)
    return shown_to(call, await call.engine.stations.set_aside(call.merchant_id, session_id))
