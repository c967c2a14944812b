"""The customer's own word on what they spend above the merchant's cap: asked here, given on their phone or by PIN."""

from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.checkout.confirmation import Question
from poi_engine.staff.sellers import Amount
from poi_server.http import COUNTER, OWNER, PHONE, READER, Call, Routes
from poi_server.limits import counted_pin
from poi_server.routes.counter import own_session
from poi_server.routes.sellers import Pin

routes = Routes("confirmations")


class CustomersPin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer's own PIN, typed by them."""

    pin: Pin


class Word(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Yes or no."""

    yes: bool


class Spending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a session spends of points and stored value without the customer's word, minor units; null: all of it."""

    spend_cap: Annotated[Amount | None, Meta(description="Minor units; 0: always asked, null: never.")]


@routes.get(
    "/v1/sessions/{session_id}/confirmation",
    roles=COUNTER,
    right="sell",
    summary="What the session waits for from its customer, and their word if there is one",
)
async def asked(call: Call, session_id: str) -> Question | None:
    await own_session(call, session_id)
    return await call.engine.confirmations.of_session(call.merchant_id, session_id)


@routes.post(
    "/v1/sessions/{session_id}/confirmation",
    roles=COUNTER,
    right="take_payment",
    summary="The customer confirms at the counter, by the PIN they chose on their phone",
)
async def confirm_by_pin(call: Call, session_id: str, body: CustomersPin) -> Question:
    """After five wrong PINs in a row the customer has to wait, or confirms on their phone."""
    await own_session(call, session_id)
    with counted_pin(call.services.attempts, call.principal.access_id):
        return await call.engine.confirmations.by_pin(call.merchant_id, session_id, body.pin, by=call.by)


@routes.post("/v1/me/confirmations/{confirmation_id}", roles=PHONE, summary="Yes or no to what a counter asks me")
async def answer(call: Call, confirmation_id: str, body: Word) -> Question:
    """The same word again changes nothing."""
    return await call.engine.confirmations.answer(call.merchant_id, confirmation_id, body.yes, by=call.principal)


@routes.put("/v1/me/pin", roles=PHONE, summary="Choose a PIN, to confirm at a counter without my phone")
async def set_my_pin(call: Call, body: CustomersPin) -> None:
    await call.engine.confirmations.set_pin(call.merchant_id, body.pin, by=call.principal)


@routes.delete("/v1/me/pin", roles=PHONE, summary="Confirm on my phone only")
async def remove_my_pin(call: Call) -> None:
    await call.engine.confirmations.remove_pin(call.merchant_id, by=call.principal)


@routes.get("/v1/settings/spending", roles=READER, summary="What is spent without the customer's word")
async def spending(call: Call) -> Spending:
    return Spending(spend_cap=await call.engine.confirmations.cap(call.merchant_id))


@routes.put("/v1/settings/spending", roles=OWNER, right="setup", summary="Change what is spent without a word")
async def set_spending(call: Call, body: Spending) -> Spending:
    """50.00 unless changed, as much as a contactless card pays without its PIN."""
    await call.engine.confirmations.set_cap(call.merchant_id, body.spend_cap, by=call.by)
    return body
