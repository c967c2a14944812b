"""Sales: what was sold, its receipt, and refunds."""

import asyncio
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.checkout.at_risk import Instead
from poi_engine.checkout.refund_jobs import Doubt
from poi_engine.checkout.resolving import RefundEnd
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import NotFound
from poi_engine.sales import SaleSummary, SaleView
from poi_engine.staff.approvals import allowance_of
from poi_server.http import COUNTER, READER, STAFF, Call, Routes
from poi_server.receipts import Language, receipt_text
from poi_server.sight import (
    acting_of,
    must,
    must_have_scope,
    must_see_history,
    note,
    sale_for,
    session_of,
    summary_for,
)
from poi_server.words import Word

routes = Routes("sales")


class SalePage(Struct, frozen=True, kw_only=True):
    """One page of sales, newest first; `next` goes into `after` for the next one."""

    items: tuple[SaleSummary, ...]
    next: str | None = None


class RefundBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole sale, or some lines' quantities (thousandths), and why; above one's limit with a consent.

    `instead`: by what goes back what no terminal can give back (`other-card-paid`).
    """

    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    lines: Annotated[tuple[ReturnedLine, ...], Meta(min_length=1, max_length=200)] | None = None
    approval_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    instead: Instead | None = None


class RefundsInDoubt(Struct, frozen=True, kw_only=True):
    """Refunds that wait for the terminal's word or a person's, oldest first."""

    items: tuple[Doubt, ...]


class ResolveRefundBody(Word, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a refund in doubt, and how one knows; a seller needs a consent."""

    outcome: RefundEnd


class ReceiptText(Struct, frozen=True, kw_only=True):
    """The receipt as text of 42 columns, in the language asked for; `duplicate`: it is marked as the how-manieth."""

    sale_id: str
    number: int
    text: str
    duplicate: int = 0


@routes.get("/v1/sales", roles=STAFF | READER, scope="sales:read", summary="Sales, newest first")
async def list_sales(
    call: Call,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: str = "",
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None,
    session_id: Annotated[str, Meta(max_length=64)] = "",
) -> SalePage:
    """`customer_id`: one customer's, which is audited. It takes the right to see history (an app the scope
    `customers:read` too), and a seller names the session in which the customer proved to be one in `session_id`.
    Others see the sales without whose they were."""
    if customer_id is not None:
        await _must_be_allowed(call, customer_id, session_id)
    items = await call.engine.sales.list(call.merchant_id, customer_id=customer_id, limit=limit, after=after or None)
    told = tuple(items) if customer_id else tuple(summary_for(call, item) for item in items)
    return SalePage(items=told, next=items[-1].sale_id if len(items) == limit else None)


@routes.get("/v1/sales/{sale_id}", roles=COUNTER | READER, scope="sales:read", summary="One sale")
async def get_sale(call: Call, sale_id: str) -> SaleView:
    return sale_for(call, await own_sale(call, sale_id))


@routes.get("/v1/sales/{sale_id}/receipt", roles=COUNTER | READER | {"phone"}, summary="The sale's receipt")
async def receipt(call: Call, sale_id: str, lang: Literal["fr", "en"] = "fr") -> ReceiptText:
    """To look at, never marked; what is printed is asked for as a print. A seller's own device shows it without the
    customer's mark."""
    return await _shown(call, await own_sale(call, sale_id), lang)


@routes.post(
    "/v1/sales/{sale_id}/receipt/prints", roles=COUNTER, right="take_payment", summary="Print the sale's receipt"
)
async def print_receipt(call: Call, sale_id: str, lang: Literal["fr", "en"] = "fr") -> ReceiptText:
    """The text to be printed: the first time as it is, from then on, wherever it is asked for, marked as a counted
    duplicate. Each is put on record."""
    sale = await own_sale(call, sale_id)
    duplicate = await asyncio.shield(call.engine.fiscal.print_receipt(call.merchant_id, sale_id, by=call.by))
    return await _shown(call, sale, lang, duplicate)


@routes.post(
    "/v1/sales/{sale_id}/refunds",
    roles=COUNTER,
    right="refund",
    idempotent=True,
    summary="Refund a sale or a part of it",
)
async def refund(call: Call, sale_id: str, body: RefundBody) -> SaleView:
    await own_sale(call, sale_id)
    refunding = call.engine.checkout.refund(
        call.merchant_id,
        sale_id,
        body.lines,
        body.reason,
        key=call.key,
        by=call.by,
        allowance=allowance_of(call.acting, "refund", body.approval_id),
        instead=body.instead,
    )
    return sale_for(call, await asyncio.shield(refunding))


@routes.get(
    "/v1/sales/{sale_id}/refunds",
    roles=COUNTER | READER,
    scope="sales:read",
    summary="The sale's refunds in doubt: nobody knows whether the terminal gave the money back",
)
async def refunds_in_doubt(call: Call, sale_id: str) -> RefundsInDoubt:
    await own_sale(call, sale_id)
    return RefundsInDoubt(items=tuple(await call.engine.checkout.refunds.in_doubt(call.merchant_id, sale_id)))


@routes.post(
    "/v1/sales/{sale_id}/refunds/{refund_id}/resolve",
    roles=COUNTER,
    right="resolve",
    summary="Say what became of a refund in doubt",
)
async def resolve_refund(call: Call, sale_id: str, refund_id: str, body: ResolveRefundBody) -> SaleView:
    await own_sale(call, sale_id)
    resolving = call.engine.resolving.refund(
        call.merchant_id,
        sale_id,
        refund_id,
        body.outcome,
        body.reason,
        by=call.by,
        allowance=allowance_of(call.acting, "resolve", body.approval_id),
    )
    return sale_for(call, await asyncio.shield(resolving))


async def _must_be_allowed(call: Call, customer_id: str, session_id: str) -> None:
    """Refuse whoever may not look at this customer's sales; that somebody did is put on record."""
    if call.principal.role == "partner":
        must_have_scope(call, "customers:read", "customer_id")
    else:
        must(await acting_of(call), "see_history")
        must_see_history(call, await session_of(call, session_id), customer_id)
    await note(call, "view-sales", customer_id, session_id)


async def _shown(call: Call, sale: SaleView, language: Language, duplicate: int = 0) -> ReceiptText:
    """The receipt as the caller may see it."""
    known = sale_for(call, sale) if call.principal.role == "seller" else sale
    issuer, seal = await call.engine.sales.issuer(call.merchant_id, sale.receipt), sale.receipt_hash
    text = await asyncio.to_thread(  # loads a locale's files
        receipt_text, known.receipt, issuer, language, seal=seal, duplicate=duplicate
    )
    return ReceiptText(sale_id=sale.sale_id, number=sale.receipt.number, text=text, duplicate=duplicate)


async def own_sale(call: Call, sale_id: str) -> SaleView:
    """The sale, if this caller may see it: a station its own, a phone its customer's."""
    sale = await call.engine.sales.get(call.merchant_id, sale_id)
    role, subject_id = call.principal.role, call.principal.subject_id
    if role == "station" and sale.station_id != subject_id:
        raise NotFound("sale", sale_id)
    if role == "phone" and not await call.engine.customers.same(call.merchant_id, subject_id, sale.customer_id or ""):
        raise NotFound("sale", sale_id)
    return sale
