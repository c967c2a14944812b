"""Cards that terminals read before the amount: read for a session, and let go when no payment follows."""

import asyncio

from poi_engine.checkout.undoing import cancelled
from poi_engine.errors import Conflict
from poi_engine.ports import CardSeen, PaymentConnector
from poi_engine.session import Session, SessionState
from poi_engine.wiring import Wiring


class CardReading:
    """What terminals read for sessions; a reading under way is known to the process that asked for it."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._under_way: dict[str, str] = {}

    async def read(self, session: Session) -> CardSeen:
        """Have the station's terminal read a card; one that it read before is let go first."""
        connector = await self._asked(session)
        await self.drop(session)
        acquisition_ref = self._w.ids.new("acq")
        due = session.decision.total if session.decision else 0
        self._under_way[session.session_id] = acquisition_ref
        try:
            return await connector.acquire_card(session.station_id, acquisition_ref, due, session.basket.currency)
        except asyncio.CancelledError:  # whoever asked has gone; the terminal must not wait on
            await asyncio.shield(self.let_go(session, acquisition_ref))
            raise
        finally:
            if self._under_way.get(session.session_id) == acquisition_ref:
                del self._under_way[session.session_id]

    async def drop(self, before: Session) -> None:
        """Tell the terminal that no payment follows the card; told in vain, it waits its time."""
        reading = self._under_way.get(before.session_id)
        read = before.acquisition_ref if before.state is not SessionState.PAID else None
        for reference in (reading, read):
            if reference is not None:
                await self.let_go(before, reference)

    async def let_go(self, session: Session, acquisition_ref: str) -> None:
        """Let go of one reading at the session's station."""
        counter = await self._w.places.counter(session.merchant_id, session.station_id)
        connector = self._w.connectors.get(counter.connector)
        if connector is not None:
            await cancelled(connector, acquisition_ref)

    async def _asked(self, session: Session) -> PaymentConnector:
        counter = await self._w.places.counter(session.merchant_id, session.station_id)
        connector = self._w.connector(counter.connector)
        if counter.training:
            raise Conflict("in-training", "No terminal is asked in training.")
        if not connector.capabilities.card_before_amount:
            raise Conflict("no-card-before-amount", "This terminal reads the card together with the amount only.")
        return connector
