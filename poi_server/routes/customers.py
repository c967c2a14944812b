"""Customers as staff and partners see them."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.customers import CustomerView
from poi_server.http import MANAGER, STAFF, Call, Routes

routes = Routes("customers")

Name = Annotated[str, Meta(min_length=1, max_length=120)]
Segments = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=50)]


class NewCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer with a name."""

    display_name: Name
    language: Literal["fr", "en"] = "fr"
    birthday: date | None = None
    segments: Segments = ()


class CustomerChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; what is left out stays."""

    display_name: Name | None = None
    language: Literal["fr", "en"] | None = None
    birthday: date | None = None
    segments: Segments | None = None


class NewCredential(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card or code that identifies the customer: `loyalty` for a reference, `uid` for a chip's number."""

    scheme: Literal["loyalty", "uid"]
    subject: Annotated[str, Meta(min_length=1, max_length=128)]


class CustomerList(Struct, frozen=True, kw_only=True):
    """The customers found."""

    items: tuple[CustomerView, ...]


@routes.get(
    "/v1/customers",
    roles=STAFF,
    right="see_history",
    scope="customers:read",
    summary="Find customers by name, card or id",
)
async def search_customers(
    call: Call, q: Annotated[str, Meta(max_length=100)] = "", limit: Annotated[int, Meta(ge=1, le=100)] = 50
) -> CustomerList:
    return CustomerList(items=tuple(await call.engine.customers.search(call.merchant_id, q, limit=limit)))


@routes.post(
    "/v1/customers", roles=STAFF, right="customers", scope="customers:write", status=201, summary="Create a customer"
)
async def create_customer(call: Call, body: NewCustomer) -> CustomerView:
    return await call.engine.customers.create(
        call.merchant_id,
        body.display_name,
        language=body.language,
        birthday=body.birthday,
        segments=body.segments,
    )


@routes.get(
    "/v1/customers/{customer_id}",
    roles=STAFF,
    right="see_history",
    scope="customers:read",
    summary="One customer with balances",
)
async def get_customer(call: Call, customer_id: str) -> CustomerView:
    return await call.engine.customers.get(call.merchant_id, customer_id)


@routes.patch(
    "/v1/customers/{customer_id}", roles=STAFF, right="customers", scope="customers:write", summary="Change a customer"
)
async def change_customer(call: Call, customer_id: str, body: CustomerChange) -> CustomerView:
    return await call.engine.customers.update(
        call.merchant_id,
        customer_id,
        display_name=body.display_name,
        birthday=body.birthday,
        language=body.language,
        segments=body.segments,
    )


@routes.post(
    "/v1/customers/{customer_id}/credentials",
    roles=STAFF,
    right="customers",
    scope="customers:write",
    summary="From now on this card or code identifies the customer",
)
async def link_credential(call: Call, customer_id: str, body: NewCredential) -> None:
    await call.engine.customers.link_credential(call.merchant_id, customer_id, body.scheme, body.subject)


@routes.delete(
    "/v1/customers/{customer_id}",
    roles=MANAGER,
    right="customers",
    summary="Erase the person; sales keep a bare pseudonym",
)
async def erase_customer(call: Call, customer_id: str) -> None:
    await call.engine.customers.erase(call.merchant_id, customer_id)
    call.services.access.forget_subject(call.merchant_id, "phone", customer_id)
