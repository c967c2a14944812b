"""Sales: what was sold, its receipt, and refunds."""

import asyncio
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import NotFound
from poi_engine.sales import SaleSummary, SaleView
from poi_engine.staff.approvals import allowance_of
from poi_server.http import COUNTER, READER, STAFF, Call, Routes
from poi_server.receipts import receipt_text

routes = Routes("sales")


class SalePage(Struct, frozen=True, kw_only=True):
    """One page of sales, newest first; `next` goes into `after` for the next one."""

    items: tuple[SaleSummary, ...]
    next: str | None = None


class RefundBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole sale, or some lines' quantities (thousandths), and why; above one's limit with a consent."""

    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    lines: Annotated[tuple[ReturnedLine, ...], Meta(min_length=1, max_length=200)] | None = None
    approval_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class ReceiptText(Struct, frozen=True, kw_only=True):
    """The receipt as text of 42 columns, in the language asked for."""

    sale_id: str
    number: int
    text: str


@routes.get("/v1/sales", roles=STAFF | READER, scope="sales:read", summary="Sales, newest first")
async def list_sales(
    call: Call,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: str = "",
    customer_id: str | None = None,
) -> SalePage:
    items = await call.engine.sales.list(call.merchant_id, customer_id=customer_id, limit=limit, after=after or None)
    return SalePage(items=tuple(items), next=items[-1].sale_id if len(items) == limit else None)


@routes.get("/v1/sales/{sale_id}", roles=COUNTER | READER, scope="sales:read", summary="One sale")
async def get_sale(call: Call, sale_id: str) -> SaleView:
    return await _own_sale(call, sale_id)


@routes.get("/v1/sales/{sale_id}/receipt", roles=COUNTER | READER | {"phone"}, summary="The sale's receipt")
async def receipt(call: Call, sale_id: str, lang: Literal["fr", "en"] = "fr") -> ReceiptText:
    sale = await _own_sale(call, sale_id)
    merchant = await call.services.setup.merchant(call.merchant_id)
    text = await asyncio.to_thread(receipt_text, sale.receipt, merchant.name, lang)  # loads a locale's files
    return ReceiptText(sale_id=sale.sale_id, number=sale.receipt.number, text=text)


@routes.post(
    "/v1/sales/{sale_id}/refunds",
    roles=COUNTER,
    right="refund",
    idempotent=True,
    summary="Refund a sale or a part of it",
)
async def refund(call: Call, sale_id: str, body: RefundBody) -> SaleView:
    await _own_sale(call, sale_id)
    refunding = call.engine.checkout.refund(
        call.merchant_id,
        sale_id,
        body.lines,
        body.reason,
        key=call.key,
        by=call.by,
        allowance=allowance_of(call.acting, "refund", body.approval_id),
    )
    return await asyncio.shield(refunding)


async def _own_sale(call: Call, sale_id: str) -> SaleView:
    """The sale, if this caller may see it: a station its own, a phone its customer's."""
    sale = await call.engine.sales.get(call.merchant_id, sale_id)
    role, subject_id = call.principal.role, call.principal.subject_id
    if role == "station" and sale.station_id != subject_id:
        raise NotFound("sale", sale_id)
    if role == "phone" and not await call.engine.customers.same(call.merchant_id, subject_id, sale.customer_id or ""):
        raise NotFound("sale", sale_id)
    return sale
