"""Reservations: an amount held on a card before the sale is known, and let go where none comes."""

from __future__ import annotations

import asyncio

from poi_engine.checkout.hold_rows import CardHold
from poi_engine.errors import NotFound
from poi_engine.session import SessionState
from poi_server.nexo.answered import ENTRY_MODES, said
from poi_server.nexo.basket import requested
from poi_server.nexo.conditions import SUCCESS, Failed, StillOpen, declined, money_may_move
from poi_server.nexo.messages import access_of, subject_of
from poi_server.nexo.money import decimal_of, minor_units
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.common import OriginalPOITransaction
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import (
    AmountsResp,
    CardData,
    PaymentAcquirerData,
    PaymentInstrumentData,
    PaymentRequest,
    PaymentResponse,
    PaymentResult,
    ReversalRequest,
    ReversalResponse,
)

_DOUBT = "Nobody knows yet whether the card is held: ask for the status."
_PREFIX = "chd_"


async def reserve(turn: Turn, request: PaymentRequest) -> Wire:
    """Hold the amount on the card that is presented; nothing is sold."""
    counter = await turn.engine.places.counter(turn.merchant_id, turn.station_id)
    if "card" not in counter.means:
        raise Failed("PaymentRestriction", "This shop does not take payments by card.", "means-off")
    turn.engine.wiring.connector(counter.connector)  # one that is not there is said before anything is begun
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    amount = requested(request.payment_transaction, merchant.currency)
    session = await turn.engine.stations.current(turn.merchant_id, turn.station_id)
    if session is not None and session.state is SessionState.PAYING:
        raise Failed("Busy", "A payment is under way at this station.", "payment-under-way")
    holding = turn.engine.holds.open(turn.merchant_id, turn.station_id, amount, key=turn.message_id, by=turn.by)
    with money_may_move():
        return _answer(turn, await asyncio.shield(holding))


async def reservation_ended(turn: Turn) -> Wire:
    """The answer of a reservation that nobody here is working on any more."""
    merchant_id, principal, message_id = turn.merchant_id, access_of(turn.header), turn.message_id
    hold_id = await turn.services.sql.read(lambda: subject_of(merchant_id, principal, message_id))
    hold = None if hold_id is None else await turn.engine.holds.get(merchant_id, hold_id)
    if hold is None or hold.state == "opening":
        turn.must_be_nobodys()
    if hold is None:
        raise Failed("Aborted", "It was interrupted before the terminal was asked; nothing is held.", "interrupted")
    return _answer(turn, await turn.engine.holds.ask(merchant_id, hold.hold_id))


def is_hold(transaction_id: str | None) -> bool:
    """Whether a POITransactionID, or what a request works on, is a reservation."""
    return (transaction_id or "").startswith(_PREFIX)


async def reserved(turn: Turn, named: OriginalPOITransaction | None) -> CardHold:
    """The reservation of this station that a till names."""
    if named is None or named.poi_transaction_id is None:
        raise Failed("NotAllowed", "Name the reservation by its POITransactionID.", "no-original")
    hold_id = named.poi_transaction_id.transaction_id
    hold = await turn.engine.holds.get(turn.merchant_id, hold_id)
    if hold.station_id != turn.station_id:
        raise NotFound("hold", hold_id)
    return hold


async def let_card_go(turn: Turn, request: ReversalRequest) -> Wire:
    """Give a reservation up: all of it, and nothing of it was taken."""
    hold = await reserved(turn, request.original_poi_transaction)
    if request.reversed_amount is not None:
        amount = minor_units(request.reversed_amount, hold.currency, "$.ReversalRequest.ReversedAmount")
        if amount != hold.amount:
            raise Failed("NotAllowed", "A reservation is given up wholly.", "partial-reversal")
    await turn.works_on(hold.hold_id)
    why = f"{request.reversal_reason}, by the till {turn.header.sale_id}"
    with money_may_move():
        return _gone(turn, await turn.engine.holds.release(turn.merchant_id, hold.hold_id, why, by=turn.by))


async def letting_go_ended(turn: Turn, hold_id: str) -> Wire:
    """The answer of a reservation's reversal that nobody here is working on any more."""
    hold = await turn.engine.holds.ask(turn.merchant_id, hold_id)
    if hold.state == "held":
        turn.must_be_nobodys()
        raise Failed("Aborted", "It was interrupted before it began; the card is held still.", "interrupted")
    return _gone(turn, hold)


def _answer(turn: Turn, hold: CardHold) -> Wire:
    if hold.state == "opening":
        raise StillOpen(_DOUBT)
    if hold.state == "declined":
        raise declined("The card is not held.", hold.reason)
    mode = ENTRY_MODES.get(hold.entry_mode or "")
    card = CardData(payment_brand=hold.card_scheme, entry_mode=(mode,) if mode else None)
    return PaymentResponse(
        response=SUCCESS,
        sale_data=said(turn),
        poi_data=turn.poi_data(hold.hold_id),
        payment_result=PaymentResult(
            payment_type="FirstReservation",
            amounts_resp=AmountsResp(currency=hold.currency, authorized_amount=decimal_of(hold.amount, hold.currency)),
            payment_instrument_data=PaymentInstrumentData(payment_instrument_type="Card", card_data=card),
            payment_acquirer_data=PaymentAcquirerData(acquirer_poiid=turn.header.poiid, merchant_id=turn.merchant_id),
        ),
    )


def _gone(turn: Turn, hold: CardHold) -> Wire:
    if hold.state != "released":
        if hold.state == "declined":
            raise Failed("NotAllowed", "The card was never held.", "hold-over")
        raise StillOpen("Nobody knows yet whether the card was let go: ask for the status.")
    return ReversalResponse(
        response=SUCCESS,
        poi_data=turn.poi_data(hold.hold_id),
        original_poi_transaction=OriginalPOITransaction(poi_transaction_id=turn.named(hold.hold_id)),
        reversed_amount=decimal_of(hold.amount, hold.currency),
    )
