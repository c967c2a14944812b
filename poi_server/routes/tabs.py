"""Tabs: small sales on one hold of a card, and one capture of what they come to."""

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.staff.approvals import allowance_of
from poi_engine.value.rules import TabRules
from poi_engine.value.tab_rows import Tab, TabEnd
from poi_server.http import COUNTER, MANAGER, Call, Routes
from poi_server.routes.counter import own_session
from poi_server.routes.value import PayBackBody, refunding
from poi_server.sight import must_stand_there, session_of
from poi_server.words import Word

routes = Routes("tabs")


class TabBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the card is held for, in minor units; None: the merchant's most."""

    ceiling: Annotated[int, Meta(ge=1)] | None = None


class CloseBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the tab is closed; it goes into the audit."""

    reason: Annotated[str, Meta(min_length=3, max_length=200)]


class ResolveTabBody(Word, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the terminal shows of a tab in doubt; the reason goes into the audit."""

    outcome: TabEnd


class Tabs(Struct, frozen=True, kw_only=True):
    """A customer's tabs, newest first."""

    items: tuple[Tab, ...]


@routes.post(
    "/v1/sessions/{session_id}/tab",
    roles=COUNTER,
    right="take_payment",
    idempotent=True,
    summary="Open a tab for the session's customer, with their card",
)
async def open_tab(call: Call, session_id: str, body: TabBody) -> Tab:
    """The terminal holds the ceiling on the card. Sales are then paid by `means: tab` at once, until the tab is closed:
    by hand, when little is left, or when it is old. Repeating the key answers with the same tab as it is then."""
    await own_session(call, session_id)
    opening = call.engine.tabs.open(call.merchant_id, session_id, body.ceiling, key=call.key, by=call.by)
    return await asyncio.shield(opening)


@routes.get("/v1/tabs/{tab_id}", roles=COUNTER, right="take_payment", summary="One tab")
async def tab(call: Call, tab_id: str) -> Tab:
    return await call.engine.tabs.get(call.merchant_id, tab_id)


@routes.get("/v1/customers/{customer_id}/tabs", roles=COUNTER, right="take_payment", summary="A customer's tabs")
async def tabs(call: Call, customer_id: str, session_id: Annotated[str, Meta(max_length=64)] = "") -> Tabs:
    """Others than managers name the session in which the customer stands, in `session_id`."""
    must_stand_there(call, await session_of(call, session_id), customer_id)
    return Tabs(items=tuple(await call.engine.tabs.of_customer(call.merchant_id, customer_id)))


@routes.post("/v1/tabs/{tab_id}/close", roles=COUNTER, right="take_payment", summary="Take what was spent, at once")
async def close(call: Call, tab_id: str, body: CloseBody) -> Tab:
    """One capture of the exact sum. `closing` is a capture without an answer yet: the terminal is asked until it has
    one, and nothing is taken twice; asking again does no harm."""
    return await asyncio.shield(call.engine.tabs.close(call.merchant_id, tab_id, body.reason, by=call.by))


@routes.post(
    "/v1/tabs/{tab_id}/resolve", roles=COUNTER, right="resolve", summary="Say what became of a card that is in doubt"
)
async def resolve(call: Call, tab_id: str, body: ResolveTabBody) -> Tab:
    """While a tab is `opening`: whether the card is held. While it is `closing`: whether it was charged; `declined`
    leaves what was spent as the customer's debt. What the terminal says later changes nothing."""
    resolving = call.engine.tabs.resolve(
        call.merchant_id,
        tab_id,
        body.outcome,
        body.reason,
        by=call.by,
        allowance=allowance_of(call.acting, "resolve", body.approval_id),
    )
    return await asyncio.shield(resolving)


@routes.post(
    "/v1/tabs/{tab_id}/pay-back",
    roles=COUNTER,
    right="refund",
    idempotent=True,
    summary="Pay back what refunds after the capture left",
)
async def pay_back(call: Call, tab_id: str, body: PayBackBody) -> Tab:
    paying = call.engine.tabs.pay_back
    return await paying(call.merchant_id, tab_id, body.paid_back, body.reason, **refunding(call, body))


@routes.get("/v1/settings/tabs", roles=MANAGER, right="setup", summary="How tabs are limited and closed")
async def rules(call: Call) -> TabRules:
    return await call.engine.tabs.rules(call.merchant_id)


@routes.put("/v1/settings/tabs", roles=MANAGER, right="setup", summary="Change the rules of tabs")
async def change_rules(call: Call, body: TabRules) -> TabRules:
    """They hold for open tabs too, but for the ceiling that their card is held for."""
    return await call.engine.tabs.change(call.merchant_id, body, by=call.by)
