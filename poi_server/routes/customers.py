"""Customers as staff and partners see them: found, made, looked at, merged, forgotten."""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from poi_engine.clientele.consents import How, Proof
from poi_engine.clientele.notes import LETTERS, Note
from poi_engine.clientele.profile import CustomerProfile
from poi_engine.clientele.search import TooManySearches
from poi_engine.errors import RequestError
from poi_server.http import COUNTER, MANAGER, STAFF, Call, Routes
from poi_server.problems import Refusal
from poi_server.sight import (
    MANAGERS,
    CustomerCard,
    card_of,
    must_have_scope,
    must_see_history,
    session_of,
)

routes = Routes("customers")

Name = Annotated[str, Meta(min_length=1, max_length=120)]
Segments = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=50)]
Reference = Annotated[str, Meta(max_length=64)]


class Taken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer agreed to this version of the text: said so, or signed."""

    version: Annotated[int, Meta(ge=1)]
    how: Literal["spoken", "signed"] = "spoken"


class NewCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer with a name; a seller says how the customer agreed to the text `membership`.

    `segments` by hand: managers, and apps with the scope `segments:write`."""

    display_name: Name
    language: Literal["fr", "en"] = "fr"
    birthday: date | None = None
    segments: Segments = ()
    consent: Taken | None = None


class CustomerChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; what is left out stays. A seller who names a pseudonym says how the customer agreed to it.

    `segments` by hand: managers, and apps with the scope `segments:write`. A birthday is told once; only a manager
    changes one that is on file."""

    display_name: Name | None = None
    language: Literal["fr", "en"] | None = None
    birthday: date | None = None
    segments: Segments | None = None
    consent: Taken | None = None


class NewCredential(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card or code that identifies the customer: `loyalty` for a reference, `uid` for a chip's number."""

    scheme: Literal["loyalty", "uid"]
    subject: Annotated[str, Meta(min_length=1, max_length=128)]


class NewNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A short note for the staff."""

    text: Annotated[str, Meta(min_length=1, max_length=LETTERS)]


class Absorbed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The other record of the same person, which leads to this one from now on."""

    absorbed_id: Annotated[str, Meta(min_length=1, max_length=64)]


class CustomerList(Struct, frozen=True, kw_only=True):
    """The customers found; `more` when others fit too: write more of the name."""

    items: tuple[CustomerCard, ...]
    more: bool = False


def proof_of(call: Call, version: int, how: How) -> Proof:
    """Who took a customer's word, and where."""
    return Proof(version=version, who=call.by.who, place=call.by.station_id or "", how=how)


@routes.get(
    "/v1/customers",
    roles=STAFF,
    right="customers",
    scope="customers:read",
    summary="Find customers by the words of their name, card or id",
)
async def search_customers(
    call: Call, q: Annotated[str, Meta(max_length=100)] = "", limit: Annotated[int, Meta(ge=1, le=100)] = 50
) -> CustomerList:
    """At least 3 letters (managers 2); every search is counted against the credential, and audited."""
    try:
        found = await call.engine.clientele.search.find(call.merchant_id, q, by=call.by, limit=limit)
    except TooManySearches as error:
        raise Refusal(429, error.code, error.message, headers={"Retry-After": str(error.seconds)}) from None
    return CustomerList(items=tuple(card_of(call, view) for view in found.items), more=found.more)


@routes.post(
    "/v1/customers",
    roles=COUNTER,
    right="customers",
    scope="customers:write",
    status=201,
    summary="Create a customer",
)
async def create_customer(call: Call, body: NewCustomer) -> CustomerCard:
    _must_prove(call, body.consent)
    if body.segments:
        _must_sort(call)
    made = await call.engine.customers.create(
        call.merchant_id,
        body.display_name,
        language=body.language,
        birthday=body.birthday,
        segments=body.segments,
        proof=proof_of(call, body.consent.version, body.consent.how) if body.consent else None,
        by=call.by,
    )
    return card_of(call, made)


@routes.get(
    "/v1/customers/{customer_id}",
    roles=COUNTER,
    right="customers",
    scope="customers:read",
    summary="One customer, as far as you may see",
)
async def get_customer(call: Call, customer_id: str, session_id: Reference = "") -> CustomerCard:
    """`session_id`: the session the customer stands in; sellers see more of somebody who is there."""
    view = await call.engine.customers.get(call.merchant_id, customer_id)
    return card_of(call, view, await session_of(call, session_id))


@routes.get(
    "/v1/customers/{customer_id}/profile",
    roles=COUNTER,
    right="see_history",
    summary="History, habits, favourites, consents and notes",
)
async def get_profile(call: Call, customer_id: str, session_id: Reference = "") -> CustomerProfile:
    """A seller names the session in which the customer proved to be one; who looked at whom is audited."""
    view = await call.engine.customers.get(call.merchant_id, customer_id)
    must_see_history(call, await session_of(call, session_id), view.customer_id)
    return await call.engine.clientele.profiles.of(call.merchant_id, view.customer_id, session_id, by=call.by)


@routes.patch(
    "/v1/customers/{customer_id}",
    roles=COUNTER,
    right="customers",
    scope="customers:write",
    summary="Change a customer",
)
async def change_customer(call: Call, customer_id: str, body: CustomerChange) -> CustomerCard:
    known = await call.engine.customers.get(call.merchant_id, customer_id)
    if known.pseudonym and body.display_name:
        _must_prove(call, body.consent)
    if body.segments is not None:
        _must_sort(call)
    changed = await call.engine.customers.update(
        call.merchant_id,
        customer_id,
        display_name=body.display_name,
        birthday=body.birthday,
        language=body.language,
        segments=body.segments,
        proof=proof_of(call, body.consent.version, body.consent.how) if body.consent else None,
        birthday_once=call.by.role not in MANAGERS,
        by=call.by,
    )
    return card_of(call, changed)


@routes.post(
    "/v1/customers/{customer_id}/credentials",
    roles=COUNTER,
    right="customers",
    scope="customers:write",
    summary="From now on this card or code identifies the customer",
)
async def link_credential(call: Call, customer_id: str, body: NewCredential) -> None:
    await call.engine.customers.link_credential(call.merchant_id, customer_id, body.scheme, body.subject, by=call.by)


@routes.post("/v1/customers/{customer_id}/notes", roles=COUNTER, right="customers", status=201, summary="Write a note")
async def add_note(call: Call, customer_id: str, body: NewNote) -> Note:
    return await call.engine.clientele.notes.add(call.merchant_id, customer_id, body.text, by=call.by)


@routes.delete(
    "/v1/customers/{customer_id}/notes/{note_id}", roles=COUNTER, right="customers", summary="Take a note away"
)
async def erase_note(call: Call, customer_id: str, note_id: str) -> None:
    """Managers any note, others their own."""
    own = call.principal.role not in MANAGERS
    await call.engine.clientele.notes.erase(call.merchant_id, customer_id, note_id, by=call.by, own=own)


@routes.post(
    "/v1/customers/{customer_id}/merge",
    roles=MANAGER,
    right="customers",
    idempotent=True,
    summary="Make two records of one person one; it cannot be undone",
)
async def merge_customers(call: Call, customer_id: str, body: Absorbed) -> CustomerCard:
    """Points, stored value, cards, phones and coupons move; sales keep their id, which leads here from now on."""
    lives = await call.engine.clientele.merges.merge(
        call.merchant_id, customer_id, body.absorbed_id, key=call.key, by=call.by
    )
    call.services.access.forget_subject(call.merchant_id, "phone", body.absorbed_id)
    for known_as in (lives, body.absorbed_id):
        await call.services.live.customer_changed(call.merchant_id, known_as, "merged")
    return card_of(call, await call.engine.customers.get(call.merchant_id, lives))


@routes.get(
    "/v1/customers/{customer_id}/export",
    roles=MANAGER,
    right="customers",
    summary="Everything that is kept of the person, as one document",
)
async def export_customer(call: Call, customer_id: str) -> dict[str, Any]:
    """For a request of access: for people to read, and for machines."""
    return await call.engine.clientele.exports.of(call.merchant_id, customer_id, by=call.by)


@routes.delete(
    "/v1/customers/{customer_id}",
    roles=MANAGER,
    right="customers",
    summary="Erase the person; the books keep a bare pseudonym",
)
async def erase_customer(call: Call, customer_id: str) -> None:
    """Points, stored value and coupons lapse."""
    for known_as in await call.engine.customers.erase(call.merchant_id, customer_id, by=call.by):
        call.services.access.forget_subject(call.merchant_id, "phone", known_as)


def _must_sort(call: Call) -> None:
    """Segments bring offers: who is in one by hand is said by managers, and by apps whose key is for it."""
    if call.principal.role == "partner":
        must_have_scope(call, "segments:write", "$.segments")
    elif call.by.role not in MANAGERS:
        raise Refusal(403, "role-refused", "Managers put customers into segments by hand.", path="$.segments")


def _must_prove(call: Call, consent: Taken | None) -> None:
    """Somebody becomes known by a seller's hand only with their agreement on record."""
    if consent is None and call.principal.role in ("seller", "station"):
        message = "Show the customer the text `membership`, and say which version they agreed to and how."
        raise RequestError("consent-needed", message, path="$.consent")
