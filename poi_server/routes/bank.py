"""Transfers from account to account: the code on the screen, the bank's credits, and the account they come to."""

import asyncio
from typing import Annotated

from babel.numbers import get_currency_precision
from msgspec import Meta, Struct

from poi_engine.value.bank import MAX_CREDITS, Booked
from poi_engine.value.bank_rows import BankCredit, Credit, State
from poi_engine.value.rules import BankAccount
from poi_engine.value.transfer_codes import Kind, code_text, kinds_of
from poi_qr.present import qr_svg
from poi_server.http import COUNTER, MANAGER, Call, Routes
from poi_server.routes.counter import own_session

routes = Routes("bank")
Reference = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[str, Meta(min_length=3, max_length=200)]


class TransferCode(Struct, frozen=True, kw_only=True):
    """What the customer's banking app scans: `text` and its picture. `kinds`: all there are.

    `amount` in minor units.
    """

    kind: Kind
    kinds: tuple[Kind, ...]
    text: str
    qr_svg: str
    amount: int
    currency: str
    reference: str
    iban: str
    beneficiary: str


class CreditsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Booked credits of the merchant's account; an entry told again changes nothing."""

    credits: Annotated[tuple[Credit, ...], Meta(min_length=1, max_length=MAX_CREDITS)]


class BankCredits(Struct, frozen=True, kw_only=True):
    """Credits in one state; `next` goes into `after` for the next page."""

    items: tuple[BankCredit, ...]
    next: str | None = None


class AssignBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credit pays a payment, whatever its reference or amount; why goes into the audit."""

    credit_id: Reference
    payment_id: Reference
    reason: Reason


class SetAsideBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credit was dealt with some other way, or what was to be given back is given back: how."""

    credit_id: Reference
    reason: Reason


@routes.get(
    "/v1/sessions/{session_id}/transfer-code",
    roles=COUNTER,
    right="sell",
    summary="The code by which the session's customer transfers what is due",
)
async def transfer_code(call: Call, session_id: str, kind: Kind | None = None) -> TransferCode:
    """`epc` for SEPA credit transfers (EPC069-12), `emv` for the scheme of merchant-presented codes that is set up;
    without a word the first of those that the account has. Pay with `means: transfer` first: there is a code while
    that waits for the bank."""
    await own_session(call, session_id)
    asked = await call.engine.bank.awaited(call.merchant_id, session_id)
    awaited = asked.awaited
    kinds = kinds_of(asked.account, awaited.currency)
    shown = kind if kind is not None else kinds[0] if kinds else "epc"
    text = code_text(shown, asked, get_currency_precision(awaited.currency))
    return TransferCode(
        kind=shown,
        kinds=kinds,
        text=text,
        qr_svg=await asyncio.to_thread(qr_svg, text, error="m"),
        amount=awaited.amount,
        currency=awaited.currency,
        reference=awaited.reference,
        iban=asked.account.iban,
        beneficiary=asked.name,
    )


@routes.post(
    "/v1/bank/credits", roles=MANAGER, right="resolve", scope="bank:write", summary="Tell of credits on the account"
)
async def book(call: Call, body: CreditsBody) -> Booked:
    """Each is kept once, by the bank's own reference. One with the reference and the amount of an awaited transfer ends
    that payment; the others wait for a person."""
    return await asyncio.shield(call.engine.bank.book(call.merchant_id, body.credits, by=call.by))


@routes.get("/v1/bank/credits", roles=MANAGER, right="resolve", summary="The credits in a state")
async def list_credits(
    call: Call,
    state: State = "unmatched",
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: Annotated[str, Meta(max_length=64)] = "",
) -> BankCredits:
    """`unmatched`, `under`, `over` and `give_back` wait for a person; a refund by transfer is one to `give_back`."""
    items = await call.engine.bank.credits(call.merchant_id, state, limit=limit, after=after)
    return BankCredits(items=tuple(items), next=items[-1].credit_id if len(items) == limit else None)


@routes.post("/v1/bank/assignments", roles=MANAGER, right="resolve", summary="Say which payment a credit pays")
async def assign(call: Call, body: AssignBody) -> BankCredit:
    assigning = call.engine.bank.assign(call.merchant_id, body.credit_id, body.payment_id, body.reason, by=call.by)
    return await asyncio.shield(assigning)


@routes.post("/v1/bank/set-aside", roles=MANAGER, right="resolve", summary="Say that a credit is dealt with")
async def set_aside(call: Call, body: SetAsideBody) -> BankCredit:
    return await call.engine.bank.set_aside(call.merchant_id, body.credit_id, body.reason, by=call.by)


@routes.get("/v1/settings/bank", roles=MANAGER, right="setup", summary="The account that customers transfer to")
async def account(call: Call) -> BankAccount:
    return await call.engine.bank.account(call.merchant_id)


@routes.put("/v1/settings/bank", roles=MANAGER, right="setup", summary="Change the account")
async def change_account(call: Call, body: BankAccount) -> BankAccount:
    """The IBAN's check digits, the BIC's form and the beneficiary's name are looked at; without an IBAN and a scheme of
    EMV codes nobody can pay by transfer."""
    changed = await call.engine.bank.change_account(call.merchant_id, body, by=call.by)
    await call.services.live.means_changed(call.merchant_id)
    return changed
