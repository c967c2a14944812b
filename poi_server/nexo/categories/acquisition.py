"""The customer before the amount: their card, or who they are; and services switched on or given up."""

from __future__ import annotations

import asyncio
from typing import Any

from poi_engine.errors import DeviceError
from poi_engine.session import ENDED, Session
from poi_server.live import Watcher
from poi_server.nexo.answered import ENTRY_MODES, account_of, said
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.counter import OF_THE_SCREEN, alone, free_session, know, let_go, may_give_up, offering
from poi_server.nexo.messages import Echo
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.common import LoyaltyAccount
from poi_server.nexo.wire.loyalty import CardAcquisitionRequest, CardAcquisitionResponse, EnableServiceRequest
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import CardData, PaymentInstrumentData
from poi_server.nexo.wire.session import OnlyResponse


async def acquire(turn: Turn, request: CardAcquisitionRequest) -> Wire:
    """Wait for the customer: their card where the terminal can read it first, else a tap or a scan of theirs.

    Its transaction is what the payment refers to. LoyaltyHandling says whether who they are matters.
    """
    handling = request.card_acquisition_transaction.loyalty_handling
    people = offering(handling) != "none"
    with alone(turn):
        session = await free_session(turn)
        await turn.has(session.session_id)
        try:
            session = await know(turn, await _seen(turn, session, people), (), handling)
        except BaseException:
            await asyncio.shield(let_go(turn, session.session_id))
            raise
    return await _answer(turn, session, people)


async def acquisition_ended(turn: Turn) -> Wire | None:
    """Nobody waits for the customer of an acquisition whose server stopped; nothing was taken."""
    assert turn.kept is not None
    turn.must_be_nobodys()
    session = await turn.engine.stations.current(turn.merchant_id, turn.station_id)
    if session is not None and session.session_id == turn.kept.subject and not session.basket.items:
        await let_go(turn, session.session_id)
    raise Failed("Aborted", "The acquisition was interrupted: ask for the customer again.", "interrupted")


async def enable(turn: Turn, request: EnableServiceRequest) -> Wire:
    """Open the station for the next customer, or give up the one who was acquired."""
    if request.transaction_action == "StartTransaction":
        await free_session(turn)
        return OnlyResponse(response=SUCCESS)
    session = await turn.engine.stations.current(turn.merchant_id, turn.station_id)
    if session is not None and session.state not in ENDED:
        if not await may_give_up(turn, session):
            raise Failed("Busy", OF_THE_SCREEN, "station-busy")
        await turn.engine.stations.abandon(turn.merchant_id, session.session_id)
    return OnlyResponse(response=SUCCESS)


async def enabling_ended(turn: Turn) -> Wire | None:
    """Whoever is at the station by now is not given up for one who was there before the server stopped."""
    turn.must_be_nobodys()
    raise Failed("Aborted", "It was interrupted: ask again.", "interrupted")


async def _seen(turn: Turn, session: Session, people: bool) -> Session:
    counter = await turn.engine.places.counter(turn.merchant_id, turn.station_id)
    connector = turn.engine.wiring.connector(counter.connector)
    if connector.capabilities.card_before_amount:
        waiting = asyncio.ensure_future(turn.engine.stations.see_card(turn.merchant_id, session.session_id))
    elif not people:
        raise DeviceError("no-card-before-amount", "This terminal reads the card together with the amount only.")
    else:
        waiting = asyncio.ensure_future(_known(turn, session))
    return await _first(waiting, turn.stop, turn.config.card_seconds)


async def _first(waiting: asyncio.Future[Session], stop: asyncio.Event, seconds: float) -> Session:
    """What is waited for, unless it is stopped or nobody comes."""
    stopped = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {waiting, stopped}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        if stopped.done():
            raise Failed("Aborted", "The till gave it up.", "aborted")
        raise DeviceError("nobody-came", f"Nobody came within {seconds:g} seconds.")
    finally:
        waiting.cancel()
        stopped.cancel()


async def _known(turn: Turn, session: Session) -> Session:
    """The session once somebody is known in it, by whatever they show at the station."""
    watcher, live = Watcher(), turn.services.live
    live.watch(watcher, (turn.merchant_id, "station", turn.station_id))
    try:
        messages = watcher.messages()
        while True:  # whoever came since the session was opened, and before it was watched, is known already
            session = await turn.engine.stations.get(turn.merchant_id, session.session_id)
            if session.identity is not None:
                return session
            if session.state in ENDED:
                raise Failed("Cancel", "The session was given up at the station.", "given-up")
            await anext(messages)
    finally:
        live.forget(watcher)


async def _answer(turn: Turn, session: Session, people: bool) -> Wire:
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    accounts, brand, card = None, None, None
    if session.identity is not None and people:
        account = account_of(session.identity.customer_id)
        accounts = (LoyaltyAccount(loyalty_account_id=account, loyalty_brand=merchant.name),)
    if session.payment is not None:
        brand = session.payment.scheme
        mode = ENTRY_MODES.get(session.payment.entry_mode or "")
        card = PaymentInstrumentData(
            payment_instrument_type="Card",
            card_data=CardData(payment_brand=brand, entry_mode=(mode,) if mode else None),
        )
    return CardAcquisitionResponse(
        response=SUCCESS,
        sale_data=said(turn),
        poi_data=turn.poi_data(session.session_id),
        loyalty_account=accounts,
        payment_brand=(brand,) if brand else None,
        payment_instrument_data=card,
    )


CATEGORIES = {
    "CardAcquisition": Category(
        CardAcquisitionRequest,
        acquire,
        kept=True,
        echo=lambda asked: Echo(sale_data=asked.sale_data.echo),
        ended=acquisition_ended,
    ),
    "EnableService": Category(EnableServiceRequest, enable, kept=True, ended=enabling_ended),
}
