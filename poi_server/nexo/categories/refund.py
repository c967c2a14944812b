"""Giving back: refunds against a sale, and reversals, which give back all that is left of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict, NotFound
from poi_engine.sales import SaleView, SoldLine
from poi_engine.staff.approvals import allowance_of
from poi_server.nexo.answered import receipts, sale_answer
from poi_server.nexo.basket import PAYMENT, REST, quantity_of, requested
from poi_server.nexo.categories.reservation import is_hold, let_card_go, letting_go_ended
from poi_server.nexo.conditions import SUCCESS, Failed, StillOpen, declined, money_may_move
from poi_server.nexo.money import decimal_of, minor_units
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.common import OriginalPOITransaction, SaleItem
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import PaymentRequest, ReversalRequest, ReversalResponse

_IN_DOUBT = frozenset({"refund-unknown", "refund-under-way"})


async def give_back(turn: Turn, request: PaymentRequest) -> Wire:
    """Refund a sale, wholly or in part: never without one, never above what is left of it."""
    transaction = request.payment_transaction
    sale = await original(turn, transaction.original_poi_transaction)
    if sale.means == "till":
        message = "The till was paid for this sale and pays it back; Loyalty takes back what it gave."
        raise Failed("NotAllowed", message, "paid-at-till")
    amount = requested(transaction, sale.currency)
    lines = returned_lines(sale, amount, transaction.sale_item)
    with money_may_move():
        refund_id = await refunded(turn, sale, lines, f"refund asked by the till {turn.header.sale_id}")
        return await sale_answer(turn, refund_id)


async def refund_ended(turn: Turn) -> Wire | None:
    """The answer of a refund that nobody here is working on any more."""
    return await sale_answer(turn, await refund_committed(turn))


async def reverse(turn: Turn, request: ReversalRequest) -> Wire:
    """Give back all that is left of a sale, or let go a card that is held."""
    named = request.original_poi_transaction.poi_transaction_id
    if named is not None and is_hold(named.transaction_id):
        return await let_card_go(turn, request)
    sale = await original(turn, request.original_poi_transaction)
    left = sale.total - sale.refunded
    if request.reversed_amount is not None:
        amount = minor_units(request.reversed_amount, sale.currency, "$.ReversalRequest.ReversedAmount")
        if amount != left:
            shown = decimal_of(left, sale.currency)
            message = f"A reversal gives back all that is left of the sale, {shown}; a part is a refund."
            raise Failed("NotAllowed", message, "partial-reversal")
    with money_may_move():
        refund_id = await refunded(turn, sale, None, f"{request.reversal_reason}, by the till {turn.header.sale_id}")
        return await _reversal(turn, refund_id)


async def reversal_ended(turn: Turn) -> Wire | None:
    """The answer of a reversal that nobody here is working on any more."""
    assert turn.kept is not None
    if turn.kept.subject is not None and is_hold(turn.kept.subject):
        return await letting_go_ended(turn, turn.kept.subject)
    return await _reversal(turn, await refund_committed(turn))


async def original(turn: Turn, named: OriginalPOITransaction | None) -> SaleView:
    """The sale of this station that a till names by our POITransactionID."""
    if named is None or named.poi_transaction_id is None:
        raise Failed("NotAllowed", "Money goes back against a sale alone: name its POITransactionID.", "no-original")
    sale_id = named.poi_transaction_id.transaction_id
    sale = await turn.engine.sales.get(turn.merchant_id, sale_id)
    if sale.station_id != turn.station_id:
        raise NotFound("sale", sale_id)
    if sale.refund_of is not None:
        raise Failed("NotAllowed", "This transaction is a refund itself.", "refund-of-refund")
    return sale


async def refunded(turn: Turn, sale: SaleView, lines: Sequence[ReturnedLine] | None, reason: str) -> str:
    """Refund through the checkout, with the till's person's limits; the refund's sale."""
    await turn.works_on(sale.sale_id)
    refunding = turn.engine.checkout.refund(
        turn.merchant_id,
        sale.sale_id,
        lines,
        reason,
        key=turn.message_id,
        by=turn.by,
        allowance=allowance_of(turn.acting, "refund", None),
    )
    try:
        return (await asyncio.shield(refunding)).sale_id
    except Conflict as error:
        if error.code in _IN_DOUBT:
            raise StillOpen("Nobody knows yet whether it was given back: ask for the status.") from None
        if error.code == "refund-declined":
            reason = error.message.rpartition(": ")[2].rstrip(".")
            raise declined("The terminal gave nothing back:", reason, error.code) from None
        raise


def returned_lines(
    sale: SaleView, amount: int, items: Sequence[SaleItem], path: str = PAYMENT
) -> tuple[ReturnedLine, ...] | None:
    """The lines whose return is worth exactly the amount (minor units); None: all that is left. `path`: theirs."""
    if not items and amount == sale.total - sale.refunded:
        return None
    lines = _by_item(sale, items, path) if items else _by_amount(sale, amount)
    known = {line.line_id: line for line in sale.lines}
    worth = sum(_worth(known[line.line_id], line.quantity) for line in lines)
    if worth != amount:
        shown = decimal_of(worth, sale.currency)
        raise Failed("NotAllowed", f"These goods are worth {shown} after the offers of their sale.", "refund-differs")
    return lines


def _by_item(sale: SaleView, items: Sequence[SaleItem], where: str) -> tuple[ReturnedLine, ...]:
    known = {line.line_id: line for line in sale.lines}
    lines: list[ReturnedLine] = []
    for at, item in enumerate(items):
        found = [known[name] for name in (str(item.item_id), f"{item.item_id}{REST}") if name in known]
        if not found:
            raise Failed("NotFound", f"The sale has no item {item.item_id}.", "unknown-item")
        path = f"{where}.SaleItem[{at}]"
        wanted = None if item.quantity is None else int(quantity_of(item, path) * 1000)
        parts = [line.quantity - line.returned for line in found] if wanted is None else _shares(found, wanted)
        returned = zip(found, parts, strict=True)
        lines += [ReturnedLine(line_id=line.line_id, quantity=part) for line, part in returned if part]
    return tuple(lines)


def _shares(lines: Sequence[SoldLine], wanted: int) -> list[int]:
    """So many thousandths of an item that was sold as one line, or as two of different prices: of both in proportion,
    whole pieces of what was sold by the piece."""
    if len(lines) == 1:
        return [wanted]
    first, second = lines
    step = 1 if (wanted % 1000 or first.quantity % 1000 or second.quantity % 1000) else 1000
    after, sold_in_all = first.returned + second.returned + wanted, (first.quantity + second.quantity) * step
    due = (2 * after * second.quantity + sold_in_all) // (2 * sold_in_all) * step - second.returned
    dear = min(max(due, 0), second.quantity - second.returned, wanted)
    dear = max(dear, wanted - (first.quantity - first.returned))
    return [wanted - dear, dear]


def _by_amount(sale: SaleView, amount: int) -> tuple[ReturnedLine, ...]:
    """A part of the only line, if some thousandths of it are worth exactly the amount."""
    if len(sale.lines) == 1 and sale.lines[0].total > 0:
        line = sale.lines[0]
        before = line.total * line.returned // line.quantity
        quantity = -(-(before + amount) * line.quantity // line.total) - line.returned
        if 0 < quantity <= line.quantity - line.returned and _worth(line, quantity) == amount:
            return (ReturnedLine(line_id=line.line_id, quantity=quantity),)
    shown = decimal_of(sale.total - sale.refunded, sale.currency)
    raise Failed("NotAllowed", f"Name the goods in SaleItem, or give back all that is left: {shown}.", "refund-differs")


def _worth(line: SoldLine, quantity: int) -> int:
    """What giving back so many thousandths of a line is worth, after those given back before."""
    after = line.returned + quantity
    return line.total * after // line.quantity - line.total * line.returned // line.quantity


async def _reversal(turn: Turn, refund_id: str) -> Wire:
    sale = await turn.engine.sales.get(turn.merchant_id, refund_id)
    assert sale.refund_of is not None
    reversed_sale = await turn.engine.sales.get(turn.merchant_id, sale.refund_of)
    return ReversalResponse(
        response=SUCCESS,
        poi_data=turn.poi_data(refund_id),
        original_poi_transaction=OriginalPOITransaction(
            poi_transaction_id=turn.named(sale.refund_of, reversed_sale.at)
        ),
        reversed_amount=decimal_of(-sale.total, sale.currency),
        payment_receipt=await receipts(turn, sale, to=turn.message_id),
    )


async def refund_committed(turn: Turn) -> str:
    """The refund that a request made; of one in doubt the terminal is asked first."""
    found = await turn.made()
    if found is not None and found.state in ("paying", "unknown"):
        await turn.engine.checkout.refunds.ask_status(turn.merchant_id, found.checkout_id)
        found = await turn.made()
    if found is None or found.state == "abandoned":
        turn.must_be_nobodys()
        raise Failed("Aborted", "It was interrupted before it began; nothing was given back.", "interrupted")
    if found.sale_id is not None:
        return found.sale_id
    if found.state == "declined":
        raise Failed("Refusal", "The terminal gave nothing back.", "refund-declined")
    raise StillOpen("Nobody knows yet whether it was given back: ask for the status.")
