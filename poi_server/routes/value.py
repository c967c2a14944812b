"""Stored value: gift cards, customers' wallets, and the rules that both follow."""

from typing import Annotated, TypedDict

from msgspec import Meta, Struct

from poi_engine.principal import Principal
from poi_engine.staff.approvals import Allowance, allowance_of
from poi_engine.value.cards import Moved
from poi_engine.value.gift_cards import GiftCard, NewGiftCard
from poi_engine.value.rules import StoredValueRules
from poi_engine.value.wallet import ClosedOut, PaidBack, Statement
from poi_server.http import COUNTER, MANAGER, Call, Routes
from poi_server.sight import acting_of, must, must_see_history, note, session_of

routes = Routes("value")
Limit = Annotated[int, Meta(ge=1, le=200)]
Reference = Annotated[str, Meta(min_length=1, max_length=64)]
After = Annotated[str, Meta(max_length=64)]


class LookBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gift card's code, as it is printed or typed."""

    code: Reference


class PayBackBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How what is left is paid back by hand, and why; above one's own limit with a consent."""

    paid_back: PaidBack
    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    approval_id: Reference | None = None


class Refunding(TypedDict):
    """Under which key, by whom, and how far they may go alone."""

    key: str
    by: Principal
    allowance: Allowance


def refunding(call: Call, body: PayBackBody) -> Refunding:
    """What every pay-back takes of its request."""
    return {"key": call.key, "by": call.by, "allowance": allowance_of(call.acting, "refund", body.approval_id)}


@routes.post("/v1/gift-cards", roles=COUNTER, right="load_value", status=201, summary="Make a gift card")
async def issue(call: Call) -> NewGiftCard:
    """It holds nothing until it is sold: put `{"code": "value:gift_card:<card_id>", "amount": ...}` into a basket. Its
    own code is shown in this answer and never again."""
    return await call.engine.gift_cards.issue(call.merchant_id, by=call.by)


@routes.post("/v1/gift-cards/look", roles=COUNTER, right="take_payment", summary="A gift card by its code")
async def look(call: Call, body: LookBody) -> GiftCard:
    return await call.engine.gift_cards.look(call.merchant_id, body.code)


@routes.get("/v1/gift-cards/{card_id}", roles=COUNTER, right="take_payment", summary="A gift card by its id")
async def gift_card(call: Call, card_id: str) -> GiftCard:
    return await call.engine.gift_cards.get(call.merchant_id, card_id)


@routes.post(
    "/v1/gift-cards/{card_id}/close",
    roles=COUNTER,
    right="refund",
    idempotent=True,
    summary="Pay back what is on a gift card, and close it",
)
async def close(call: Call, card_id: str, body: PayBackBody) -> Moved:
    paying = call.engine.gift_cards.close
    return await paying(call.merchant_id, card_id, body.paid_back, body.reason, **refunding(call, body))


@routes.get("/v1/customers/{customer_id}/wallet", roles=COUNTER, summary="A customer's wallet and its movements")
async def wallet(
    call: Call, customer_id: str, limit: Limit = 50, after: After = "", session_id: After = ""
) -> Statement:
    """It takes the right to see history, and is audited; a seller names the session in which the customer proved to be
    one in `session_id`."""
    must(await acting_of(call), "see_history")
    must_see_history(call, await session_of(call, session_id), customer_id)
    statement = await call.engine.wallets.statement(call.merchant_id, customer_id, limit=limit, after=after)
    await note(call, "view-wallet", customer_id, session_id)
    return statement


@routes.get("/v1/me/wallet", roles={"phone"}, summary="The wallet of the phone's customer")
async def my_wallet(call: Call, limit: Limit = 50, after: After = "") -> Statement:
    customer_id = call.principal.subject_id
    return await call.engine.wallets.statement(call.merchant_id, customer_id, limit=limit, after=after)


@routes.post(
    "/v1/customers/{customer_id}/wallet/close-out",
    roles=COUNTER,
    right="refund",
    idempotent=True,
    summary="Pay back all that is on a customer's wallet",
)
async def close_out(call: Call, customer_id: str, body: PayBackBody) -> ClosedOut:
    paying = call.engine.wallets.close_out
    return await paying(call.merchant_id, customer_id, body.paid_back, body.reason, **refunding(call, body))


@routes.get("/v1/settings/stored-value", roles=MANAGER, right="setup", summary="How stored value is limited and lapses")
async def rules(call: Call) -> StoredValueRules:
    return await call.engine.expiry.rules(call.merchant_id)


@routes.put("/v1/settings/stored-value", roles=MANAGER, right="setup", summary="Change the rules of stored value")
async def change_rules(call: Call, body: StoredValueRules) -> StoredValueRules:
    """Gift cards that are active keep the end they have; a wallet is warned before a shorter time takes it."""
    return await call.engine.expiry.change(call.merchant_id, body, by=call.by)
