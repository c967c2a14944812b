"""Loyalty of sales that the till is paid for by itself: points, rebates, rewards, and taking them back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import RequestError
from poi_engine.sales import SaleView
from poi_engine.session import Session
from poi_offers.situation import SaleItem as BasketLine
from poi_server.nexo.answered import loyalty_result, receipts, said
from poi_server.nexo.basket import LOYALTY, echoed, lines_of, must_add_up, plain_line
from poi_server.nexo.categories.payment import sold
from poi_server.nexo.categories.refund import original, refund_committed, refunded, returned_lines
from poi_server.nexo.conditions import SUCCESS, Failed, money_may_move
from poi_server.nexo.counter import accepted, acquisition_of, alone, free_session, know, let_go
from poi_server.nexo.messages import Echo
from poi_server.nexo.money import minor_units
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.loyalty import LoyaltyRequest, LoyaltyResponse, LoyaltyTransaction
from poi_server.nexo.wire.names import Wire

_REFUNDS = frozenset({"AwardRefund", "RebateRefund", "RedemptionRefund"})


async def loyalty(turn: Turn, request: LoyaltyRequest) -> Wire:
    """Book a sale that the till is paid for, or take it back; it stands in the books as paid at the till."""
    transaction = request.loyalty_transaction
    kind = transaction.loyalty_transaction_type
    if kind in _REFUNDS:
        if not turn.acting.may("refund"):
            raise Failed("NotAllowed", "Whoever is signed in may not refund.", "right-missing")
        sale = await original(turn, transaction.original_poi_transaction)
        if sale.means != "till":  # its money would go back too, which nobody asked for
            raise Failed("NotAllowed", "This sale was paid here: a Payment or a Reversal gives it back.", "paid-here")
        lines = _returned(sale, transaction)
        with money_may_move():
            refund_id = await refunded(turn, sale, lines, f"{kind}, by the till {turn.header.sale_id}")
            return await _answer(turn, refund_id)
    with alone(turn):
        return await _booked(turn, request)


def _returned(sale: SaleView, transaction: LoyaltyTransaction) -> tuple[ReturnedLine, ...] | None:
    """What of the sale came back to the till; None: all that is left, also by what it cost before its rebates."""
    items, asked = transaction.sale_item, transaction.total_amount
    if asked is None and not items:
        return None
    if transaction.currency not in (None, sale.currency):
        raise Failed("NotAllowed", f"This sale was in {sale.currency}.", "currency-differs")
    given = sum((item.item_amount for item in items), Decimal(0)) if asked is None else asked
    amount = minor_units(given, sale.currency, f"{LOYALTY}.TotalAmount")
    if not items and not sale.refunded and amount == sale.total + sale.saved:
        return None
    return returned_lines(sale, amount, items, LOYALTY)


async def loyalty_ended(turn: Turn) -> Wire | None:
    """The answer of one that nobody here is working on any more."""
    if turn.echo.kind in _REFUNDS:
        return await _answer(turn, await refund_committed(turn))
    return await _answer(turn, await sold(turn))


async def _booked(turn: Turn, request: LoyaltyRequest) -> Wire:
    items = await _items(turn, request.loyalty_transaction)
    session = await free_session(turn, acquisition_of(request.loyalty_data))
    await turn.has(session.session_id)
    try:
        session = await _prepared(turn, request, session, items)
    except BaseException:
        await asyncio.shield(let_go(turn, session.session_id))
        raise
    with money_may_move():
        name = (turn.merchant_id, session.session_id)
        paid = await turn.engine.checkout.pay(
            *name, "till", decision_id=session.decision_id, key=turn.message_id, by=turn.by
        )
        if paid.sale_id is None:  # in training nothing is sold
            poi_data = turn.poi_data(session.session_id)
            return LoyaltyResponse(response=SUCCESS, sale_data=said(turn), poi_data=poi_data)
        return await _answer(turn, paid.sale_id)


async def _prepared(turn: Turn, request: LoyaltyRequest, session: Session, items: Sequence[BasketLine]) -> Session:
    kind = request.loyalty_transaction.loyalty_transaction_type
    handling = request.loyalty_transaction.transaction_conditions.loyalty_handling
    session = await know(turn, session, request.loyalty_data, "Required" if kind != "Rebate" else handling)
    if kind == "Award":
        return await accepted(turn, session, items, "points")
    rewards = await _rewards(turn, request) if kind == "Redemption" else ()
    session = await accepted(turn, session, items, "all", rewards)
    chosen = {offer.offer_id for offer in session.decision.offers} if session.decision else set()
    if not chosen.issuperset(rewards):
        message = "The reward does not apply: the points, the goods, or a fresh code of the customer's are missing."
        raise Failed("NotAllowed", message, "no-reward")
    return session


async def _rewards(turn: Turn, request: LoyaltyRequest) -> tuple[str, ...]:
    """The live reward that costs exactly the points that are to be redeemed."""
    asked = next((one.loyalty_amount for one in request.loyalty_data if one.loyalty_amount), None)
    if asked is None or asked.value is None or asked.loyalty_unit == "Monetary":
        raise Failed("MessageFormat", "Say how many points: LoyaltyData.LoyaltyAmount.", "no-points")
    for offer in await turn.engine.offers.rewards(turn.merchant_id):
        if offer.reward_points == asked.value:
            return (offer.offer_id,)
    raise Failed("NotFound", f"No reward costs {asked.value} points.", "no-reward")


async def _items(turn: Turn, transaction: LoyaltyTransaction) -> tuple[BasketLine, ...]:
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    counter = await turn.engine.places.counter(turn.merchant_id, turn.station_id)
    if transaction.currency not in (None, merchant.currency):
        raise Failed("NotAllowed", f"This POI works in {merchant.currency}.", "currency-differs")
    codes = [code for item in transaction.sale_item for code in (item.ean_upc, item.product_code) if code]
    products = await turn.engine.tills.goods(turn.merchant_id, codes)
    vat = (turn.config.tax_codes, counter.vat_rate)
    lines = lines_of(transaction.sale_item, products, merchant.currency, *vat, LOYALTY)
    if transaction.total_amount is not None:
        amount = minor_units(transaction.total_amount, merchant.currency, f"{LOYALTY}.TotalAmount")
        if amount < 0:
            raise RequestError("bad-amount", "What was sold is not negative.", path=f"{LOYALTY}.TotalAmount")
        if not lines and amount > 0:
            return plain_line(amount, counter.vat_rate)
        must_add_up(lines, amount, merchant.currency, LOYALTY)
    if not lines:
        raise Failed("MessageFormat", "Say what was sold: TotalAmount or SaleItem.", "amount-missing")
    return lines


async def _answer(turn: Turn, sale_id: str) -> Wire:
    sale = await turn.engine.sales.get(turn.merchant_id, sale_id)
    found = await loyalty_result(turn, sale)
    return LoyaltyResponse(
        response=SUCCESS,
        sale_data=said(turn),
        poi_data=turn.poi_data(sale_id, sale.at),
        loyalty_result=(found,) if found else None,
        payment_receipt=await receipts(turn, sale, to=turn.message_id),
    )


def _echo(request: LoyaltyRequest) -> Echo:
    transaction = request.loyalty_transaction
    lines = echoed(transaction.sale_item, LOYALTY)
    return Echo(sale_data=request.sale_data.echo, kind=transaction.loyalty_transaction_type, lines=lines)


CATEGORIES = {
    "Loyalty": Category(LoyaltyRequest, loyalty, right="take_payment", kept=True, echo=_echo, ended=loyalty_ended)
}
