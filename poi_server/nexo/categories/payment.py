"""Payment: a basket, the best offers for it, and the money; and giving it back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from poi_engine.errors import PoiError, RequestError
from poi_engine.means import Means
from poi_engine.session import Session, SessionState
from poi_engine.value.lines import tip_line
from poi_offers.situation import SaleItem as BasketLine
from poi_server.nexo.answered import sale_answer, training_answer
from poi_server.nexo.basket import echoed, lines_of, must_add_up, plain_line, requested, tipped
from poi_server.nexo.categories.refund import give_back, refund_ended, reversal_ended, reverse
from poi_server.nexo.categories.reservation import reservation_ended, reserve, reserved
from poi_server.nexo.conditions import Failed, StillOpen, declined, money_may_move
from poi_server.nexo.counter import (
    accepted,
    acquisition_of,
    alone,
    free_session,
    know,
    let_go,
    offering,
)
from poi_server.nexo.messages import Echo
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import PaymentData, PaymentRequest, PaymentTransaction, ReversalRequest

_S = SessionState
_MEANS: dict[str, Means] = {"Card": "card", "Cash": "cash", "Mobile": "card", "StoredValue": "gift_card"}
_ENDED = frozenset({"declined", "abandoned"})
DOUBT = "Nobody knows yet whether it was paid: do not pay again, ask for the status."


async def pay(turn: Turn, request: PaymentRequest) -> Wire:
    """Sell, or give back."""
    kind = request.payment_data.payment_type
    if kind == "Refund":
        return await give_back(turn, request)
    if kind not in _SELLS:
        raise Failed("NotAllowed", f"This POI does not serve the PaymentType {kind[:40]}.", "payment-type")
    if request.payment_data.split_payment_flag and request.payment_transaction.sale_item:
        message = "A part of a sale is paid by its RequestedAmount alone, without SaleItem."
        raise Failed("NotAllowed", message, "split-with-items")
    with alone(turn):
        return await _SELLS[kind](turn, request)


async def payment_ended(turn: Turn) -> Wire | None:
    """The answer of a payment that nobody here is working on any more."""
    if turn.echo.kind == "Refund":
        return await refund_ended(turn)
    if turn.echo.kind == "FirstReservation":
        return await reservation_ended(turn)
    return await sale_answer(turn, await sold(turn))


async def sold(turn: Turn) -> str:
    """The sale of a request that nobody here is working on any more, by what SQL says of its payment."""
    assert turn.kept is not None
    session_id, found = turn.kept.subject, await turn.made()
    if found is not None and found.state in ("paying", "unknown") and session_id is not None:
        await turn.engine.checkout.ask_status(turn.merchant_id, session_id)
        found = await turn.made()
    if found is not None and found.sale_id is not None:
        return found.sale_id
    if found is not None and found.state not in _ENDED:
        raise StillOpen(DOUBT)
    if found is None:
        turn.must_be_nobodys()
    if session_id is not None:
        await let_go(turn, session_id)
    if found is not None and found.state == "declined":
        raise declined("The payment was declined.", "")
    raise Failed(
        "Aborted", "The payment was interrupted before the terminal was asked; nothing was taken.", "interrupted"
    )


def _echo(request: PaymentRequest) -> Echo:
    return Echo(
        sale_data=request.sale_data.echo,
        kind=request.payment_data.payment_type,
        lines=echoed(request.payment_transaction.sale_item),
    )


async def _complete(turn: Turn, request: PaymentRequest) -> Wire:
    """Sell, and take what it comes to of what is held on the card; the rest is let go."""
    await turn.engine.places.must_count(turn.merchant_id, turn.station_id)
    hold = await reserved(turn, request.payment_transaction.original_poi_transaction)
    answer = await _sell(turn, request, hold.hold_id)
    with suppress(PoiError):  # where the offers left nothing to take; a round lets go what is not yet
        await turn.engine.holds.ask(turn.merchant_id, hold.hold_id)
    return answer


async def _sell(turn: Turn, request: PaymentRequest, hold_id: str | None = None) -> Wire:
    transaction, data = request.payment_transaction, request.payment_data
    means, gift_card = _means(data)
    counter = await turn.engine.places.counter(turn.merchant_id, turn.station_id)
    if means not in counter.means:
        raise Failed("PaymentRestriction", f"This shop does not take payments by {means}.", "means-off")
    if hold_id is not None and means != "card":
        raise Failed("NotAllowed", "A reservation is completed by the card that it holds.", "instrument")
    if means == "card":
        turn.engine.wiring.connector(counter.connector)  # one that is not there is said before anything is begun
    items = await basket_of(turn, transaction)
    session = await free_session(turn, data.card_acquisition_reference or acquisition_of(request.loyalty_data))
    await turn.has(session.session_id)
    try:
        session = await _prepared(turn, request, session, items)
    except BaseException:
        await asyncio.shield(let_go(turn, session.session_id))
        raise
    return await paid_by(turn, session, means, gift_card, hold_id)


async def paid_by(
    turn: Turn, session: Session, means: Means, gift_card: str | None = None, hold_id: str | None = None
) -> Wire:
    """The accepted total paid; what is refused before anything moved lets the session go."""
    paying = turn.engine.checkout.pay(
        turn.merchant_id,
        session.session_id,
        means,
        gift_card=gift_card,
        hold=hold_id,
        decision_id=session.decision_id,
        key=turn.message_id,
        by=turn.by,
        known=session,
    )
    with money_may_move():
        try:
            paid = await paying
        except RequestError:
            await let_go(turn, session.session_id)
            raise
        return await _outcome(turn, paid)


def _means(data: PaymentData) -> tuple[Means, str | None]:
    """With what it is paid, and a gift card's code."""
    instrument = data.payment_instrument_data
    kind = instrument.payment_instrument_type if instrument else "Card"
    if kind not in _MEANS:
        raise Failed("NotAllowed", "This POI takes cards, cash, and gift cards.", "instrument")
    account = instrument.stored_value_account_id if instrument else None
    if kind == "StoredValue" and (account is None or not account.code):
        raise Failed("MessageFormat", "Say which gift card: StoredValueAccountID.Value.", "no-account")
    return _MEANS[kind], account.code if account and kind == "StoredValue" else None


async def _prepared(turn: Turn, request: PaymentRequest, session: Session, items: tuple[BasketLine, ...]) -> Session:
    conditions = request.payment_transaction.transaction_conditions
    offers = offering(conditions.loyalty_handling)
    if offers != "none":
        session = await know(turn, session, request.loyalty_data, conditions.loyalty_handling)
    session = await accepted(turn, session, items, offers)
    if turn.stop.is_set():
        raise Failed("Aborted", "The till gave the payment up before the terminal was asked.", "aborted")
    return session


async def basket_of(turn: Turn, transaction: PaymentTransaction) -> tuple[BasketLine, ...]:
    """The basket that a till asks to be paid: its items, or the amount alone."""
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    counter = await turn.engine.places.counter(turn.merchant_id, turn.station_id)
    amount, items = requested(transaction, merchant.currency), transaction.sale_item
    tip = tipped(transaction, amount, merchant.currency)
    if not items:
        return plain_line(amount - tip, counter.vat_rate) + _tip(tip)
    codes = [code for item in items for code in (item.ean_upc, item.product_code) if code]
    products = await turn.engine.tills.goods(turn.merchant_id, codes)
    goods = lines_of(items, products, merchant.currency, turn.config.tax_codes, counter.vat_rate)
    lines = goods + _tip(tip)
    must_add_up(lines, amount, merchant.currency)
    return lines


def _tip(amount: int) -> tuple[BasketLine, ...]:
    return (tip_line(amount),) if amount else ()


async def _outcome(turn: Turn, session: Session) -> Wire:
    if session.state is _S.PAID and session.sale_id is not None:
        return await sale_answer(turn, session.sale_id)
    if session.state is _S.PAID:  # in training nothing is sold
        return training_answer(turn, session)
    if session.state is _S.DECLINED:
        reason = session.notice.values.get("reason", "") if session.notice else ""
        await let_go(turn, session.session_id)
        raise declined("The payment was declined.", reason)
    if session.state in (_S.UNKNOWN, _S.PAYING):
        raise StillOpen(DOUBT)
    await let_go(turn, session.session_id)
    raise Failed("Aborted", "The payment was interrupted; nothing was taken.", "interrupted")


_SELLS: dict[str, Callable[[Turn, PaymentRequest], Awaitable[Wire]]] = {
    "Normal": _sell,
    "FirstReservation": reserve,
    "Completion": _complete,
}
CATEGORIES = {
    "Payment": Category(PaymentRequest, pay, right="take_payment", kept=True, echo=_echo, ended=payment_ended),
    "Reversal": Category(ReversalRequest, reverse, right="refund", kept=True, ended=reversal_ended),
}
