"""A session goes on at another station of its store: with its basket, its customer and what was paid of it, and to a
free one only."""

from msgspec.structs import replace

from poi_engine.checkout.exercise import is_exercise
from poi_engine.checkout.following import IDLE, bring
from poi_engine.checkout.reservation import latest
from poi_engine.desk import IN_PAYMENT, Desk
from poi_engine.errors import Conflict
from poi_engine.session import ENDED, Session, SessionState, move, must_be_changeable
from poi_engine.stations import Stations
from poi_engine.wiring import Wiring


class HandOvers:
    """The hand-overs' service."""

    def __init__(self, wiring: Wiring, desk: Desk, stations: Stations) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations

    async def hand_over(
        self, merchant_id: str, session_id: str, station_id: str, known: Session | None = None
    ) -> Session:
        """Go on at `station_id`. Of several who act at once one wins; the others get a `Conflict`.

        `known` is the session if the caller has just loaded it: moved away meanwhile, it is left alone.
        """
        counter = await self._w.places.counter(merchant_id, station_id)
        before = known or await self._desk.load(merchant_id, session_id)
        if before.station_id == station_id:
            return before

        async def step(session: Session) -> Session:
            if session.state in IN_PAYMENT:
                await self._must_be_idle(session, station_id)
            else:
                must_be_changeable(session)
            if counter.store_id != session.store_id:
                raise Conflict("other-store", "A session stays in its store.", path="$.station_id")
            await self._make_room(merchant_id, station_id)
            if session.state in IN_PAYMENT:
                return move(session, session.state, station_id=station_id)
            moved = replace(session, station_id=station_id, payment=None, acquisition_ref=None)
            return await self._stations.deciding.decided(moved)

        moved = await self._desk.change(merchant_id, session_id, step, before)
        if moved.state in IN_PAYMENT:
            await self._take_along(moved, before.station_id)
        await self._w.screens.session_left(moved, before.station_id)
        await self._stations.cards.drop(before)
        return moved

    async def _must_be_idle(self, session: Session, station_id: str) -> None:
        """What was accepted, or paid in part, goes on as it is: its next payment is made where it is then."""
        await self._w.places.must_count(session.merchant_id, station_id)
        if session.state is SessionState.UNKNOWN:
            raise Conflict("payment-unknown", "A payment is in doubt; it ends here, by its status or a person's word.")
        if is_exercise(session):
            raise Conflict("illegal-move", "An exercise stays at its station.")
        if session.acquisition_ref is not None:
            raise Conflict("illegal-move", "The total counts on the card that was read here: it pays, or give it up.")
        row = await self._w.sql.read(lambda: latest(session.merchant_id, session.session_id))
        if row is None or row["state"] not in IDLE:
            raise _busy()

    async def _take_along(self, moved: Session, station_id: str) -> None:
        """In SQL too, where payments begin: one that was begun at `station_id` in the same moment keeps it there."""
        self._w.trace("handover.moved")
        brought = await self._w.sql.write(lambda: bring(moved.merchant_id, moved, self._w.trace))
        if brought:
            self._w.trace("handover.committed")
            return
        self._w.trace("handover.stays")

        async def back(session: Session) -> Session:
            return replace(session, station_id=station_id, revision=session.revision + 1)

        stays = await self._desk.change(moved.merchant_id, moved.session_id, back, moved)
        self._w.trace("handover.back")
        await self._w.screens.session_left(stays, moved.station_id)
        raise _busy()

    async def is_free(self, merchant_id: str, station_id: str) -> bool:
        """Whether the station takes a session: its own has ended, or nothing is in it."""
        there = await self._stations.current(merchant_id, station_id)
        return there is None or there.state in ENDED or _is_blank(there)

    async def _make_room(self, merchant_id: str, station_id: str) -> None:
        """An open session with nothing in it ends; one with a basket, a customer or a payment stays."""
        there = await self._stations.current(merchant_id, station_id)
        if there is None or there.state in ENDED:
            return

        async def step(session: Session) -> Session:
            if not _is_blank(session):
                raise Conflict("station-busy", "Somebody is being served at that station.", path="$.station_id")
            return move(session, SessionState.ABANDONED, notice=None)

        await self._w.sessions.release(await self._desk.change(merchant_id, there.session_id, step, there))


def _busy() -> Conflict:
    return Conflict("payment-under-way", "The terminal is busy with a payment; hand over once that has its end.")


def _is_blank(session: Session) -> bool:
    return session.state is SessionState.OPEN and not session.basket.items and session.identity is None
