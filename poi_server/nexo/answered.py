"""Answers made from what is committed: a sale or a refund as the till is told of it."""

from __future__ import annotations

import asyncio

from poi_engine.errors import NotFound
from poi_engine.sales import SaleView
from poi_engine.session import Session
from poi_engine.value.lines import TIP
from poi_server.nexo.basket import rebates_of
from poi_server.nexo.conditions import SUCCESS
from poi_server.nexo.money import decimal_of
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.common import (
    LoyaltyAccount,
    LoyaltyAccountID,
    LoyaltyAmount,
    OutputContent,
    OutputText,
    PaymentReceipt,
    SaleData,
)
from poi_server.nexo.wire.payment import (
    AmountsResp,
    CardData,
    LoyaltyAcquirerData,
    LoyaltyResult,
    PaymentAcquirerData,
    PaymentInstrumentData,
    PaymentResponse,
    PaymentResult,
)
from poi_server.receipts import Language, receipt_text

ENTRY_MODES = {"contactless": "Contactless", "chip": "ICC", "swipe": "MagStripe", "manual": "Keyed", "phone": "Mobile"}
_INSTRUMENTS = {"card": "Card", "cash": "Cash", "wallet": "StoredValue", "gift_card": "StoredValue"}


async def sale_answer(turn: Turn, sale_id: str) -> PaymentResponse:
    """The answer to a payment that made this sale or refund."""
    sale = await turn.engine.sales.get(turn.merchant_id, sale_id)
    loyalty = await loyalty_result(turn, sale)
    return PaymentResponse(
        response=SUCCESS,
        sale_data=said(turn),
        poi_data=turn.poi_data(sale_id, sale.at),
        payment_result=_result(turn, sale),
        loyalty_result=(loyalty,) if loyalty else None,
        payment_receipt=await receipts(turn, sale, to=turn.message_id),
    )


def training_answer(turn: Turn, session: Session) -> PaymentResponse:
    """The answer to a payment of a station in training: nothing was sold, and no terminal was asked."""
    assert session.decision is not None
    amounts = AmountsResp(
        currency=session.decision.currency,
        authorized_amount=decimal_of(session.decision.total, session.decision.currency),
    )
    return PaymentResponse(
        response=SUCCESS,
        sale_data=said(turn),
        poi_data=turn.poi_data(session.session_id),
        payment_result=PaymentResult(payment_type="Normal", amounts_resp=amounts),
    )


def said(turn: Turn) -> SaleData:
    """The till's own words, back to it."""
    found = turn.echo.sale_data
    return found or SaleData(sale_transaction_id=turn.named(turn.header.service_id or "-"))


async def loyalty_result(turn: Turn, sale: SaleView) -> LoyaltyResult | None:
    """What the offers took off, and the customer's points; nothing where neither is."""
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    rebates = rebates_of(sale, turn.echo.lines, merchant.language)
    if rebates is None and sale.customer_id is None:
        return None
    points = await _points(turn, sale)
    return LoyaltyResult(
        loyalty_account=LoyaltyAccount(loyalty_account_id=account_of(sale.customer_id), loyalty_brand=merchant.name),
        current_balance=None if points is None else decimal_of(points, "JPY"),
        loyalty_amount=LoyaltyAmount(loyalty_unit="Point", value=decimal_of(sale.points, "JPY"))
        if sale.customer_id
        else None,
        loyalty_acquirer_data=LoyaltyAcquirerData(
            loyalty_acquirer_id="poi-server", loyalty_transaction_id=turn.named(sale.sale_id, sale.at)
        ),
        rebates=rebates,
    )


def account_of(customer_id: str | None) -> LoyaltyAccountID:
    """A customer's account by our own name for it; what their card says stays with them."""
    return LoyaltyAccountID(entry_mode=("File",), identification_type="AccountNumber", loyalty_id=customer_id)


async def receipts(turn: Turn, sale: SaleView, *, to: str = "") -> tuple[PaymentReceipt, ...]:
    """The customer's receipt as text, line by line, for the till's printer: a print, on record, and marked if it is
    not the first. `to`: the request whose one answer has it."""
    duplicate = await turn.engine.fiscal.print_receipt(turn.merchant_id, sale.sale_id, by=turn.by, to=to)
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    language: Language = "fr" if merchant.language == "fr" else "en"
    issuer, seal = await turn.engine.sales.issuer(turn.merchant_id, sale.receipt), sale.receipt_hash
    text = await asyncio.to_thread(  # loads a locale's files
        receipt_text, sale.receipt, issuer, language, seal=seal, duplicate=duplicate
    )
    lines = tuple(OutputText(text=line, end_of_line_flag=True) for line in text.splitlines())
    content = OutputContent(output_format="Text", output_text=lines)
    return (PaymentReceipt(document_qualifier="CustomerReceipt", output_content=content),)


async def _points(turn: Turn, sale: SaleView) -> int | None:
    if sale.customer_id is None:
        return None
    try:
        return (await turn.engine.customers.get(turn.merchant_id, sale.customer_id)).points
    except NotFound:  # erased since
        return None


def _sold_by(turn: Turn) -> str:
    return "Completion" if turn.echo.kind == "Completion" else "Normal"


def _result(turn: Turn, sale: SaleView) -> PaymentResult:
    refund = sale.refund_of is not None
    card = None
    if sale.means == "card":
        mode = ENTRY_MODES.get(sale.entry_mode or "")
        card = CardData(payment_brand=sale.card_scheme, entry_mode=(mode,) if mode else None)
    instrument = _INSTRUMENTS.get(sale.means)
    tip = sum(abs(line.total) for line in sale.lines if line.code == TIP)
    return PaymentResult(
        payment_type="Refund" if refund else _sold_by(turn),
        amounts_resp=AmountsResp(
            currency=sale.currency,
            authorized_amount=decimal_of(abs(sale.total), sale.currency),
            total_rebates_amount=decimal_of(abs(sale.saved), sale.currency) if sale.saved else None,
            tip_amount=decimal_of(tip, sale.currency) if tip else None,
        ),
        payment_instrument_data=PaymentInstrumentData(payment_instrument_type=instrument, card_data=card)
        if instrument
        else None,
        payment_acquirer_data=PaymentAcquirerData(acquirer_poiid=turn.header.poiid, merchant_id=turn.merchant_id),
        online_flag=sale.guaranteed,
    )
