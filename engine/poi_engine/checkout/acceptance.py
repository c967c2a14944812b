"""The first half of a checkout: freeze what is accepted, reserve it durably, show it; or let it go again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.accepting import changed
from poi_engine.checkout.following import IDLE, bring
from poi_engine.checkout.frozen import Frozen, claims_of, impersonal
from poi_engine.checkout.reservation import Taken, Unready, carry_claims, fund, release, reserve
from poi_engine.deciding import situation_of
from poi_engine.desk import Desk
from poi_engine.errors import Conflict
from poi_engine.goods.stock import gone_meanwhile
from poi_engine.identify import must_be_sure
from poi_engine.ledger import Insufficient
from poi_engine.loyalty import points_spent
from poi_engine.ports import Job, Row
from poi_engine.principal import Principal
from poi_engine.session import Notice, Session, handed_over
from poi_engine.stations import Stations
from poi_engine.wiring import Wiring
from poi_offers.limits import claims

T = TypeVar("T")
State = Literal["reserved", "paying"]
_TRIES, _PREPARED = 3, 2
_DECIDED = ("limit:", "points:")
"""Accounts that a decision takes from."""
_BEFORE = ("already-accepted", "payment-under-way")
"""Refuse a session that is accepted, or paid, and does not show it: nobody could store that."""


class Acceptance:
    """What `Checkout` accepts with."""

    def __init__(self, wiring: Wiring, desk: Desk, stations: Stations, offers: OfferBook) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations
        self._offers = offers

    async def freeze(self, accepted: Session, by: Principal, at: int) -> Frozen:
        """The checkout's document, as this is accepted."""
        assert accepted.decision is not None
        merchant_id = accepted.merchant_id
        counter = await self._w.places.counter(merchant_id, accepted.station_id)
        offers = await self._offers.versions(merchant_id, accepted.decision)
        situation = situation_of(accepted, counter, accepted.facts, at)
        return Frozen(
            session=impersonal(accepted),
            place=counter.place,
            accepted_at=at,
            accepted_by=by.who,
            claims=claims_of(claims(accepted.decision, offers, situation), offers),
        )

    async def reserve(
        self,
        session: Session,
        checkout_id: str,
        frozen: Frozen,
        at: int,
        within: Callable[[Job[Frozen]], Job[T]],
        state: State,
    ) -> T:
        """Run the reservation, which leaves the checkout in `state`, `within` a transaction; returns what that does."""
        merchant_id = session.merchant_id
        if points_spent(frozen.decision) and session.identity is not None:
            must_be_sure(session.identity, at)
        ids, trace = self._w.ids, self._w.trace

        def job(ready: set[str]) -> Job[T]:
            return within(
                reserve(merchant_id, checkout_id, frozen, ready=ready, state=state, ids=ids, at=at, trace=trace)
            )

        try:
            return await self._held(merchant_id, job, at)
        except (Insufficient, Taken) as error:
            if isinstance(error, Insufficient) and error.account.startswith("stock:"):
                raise gone_meanwhile(error) from error
            if isinstance(error, Insufficient) and not error.account.startswith(_DECIDED):
                raise  # it is what pays that is missing
            await self._w.sql.write(lambda: carry_claims(merchant_id, frozen, ids=self._w.ids, at=at))
            await self._stations.decide_again(merchant_id, session.session_id, Notice(code="decide-again"))
            gone = error.message if isinstance(error, Taken) else "An offer of this decision is used up."
            raise Conflict("decide-again", f"{gone} A new decision is shown; ask the customer again.") from error
        except Conflict as error:
            if error.code in _BEFORE:
                await self._desk.catch_up(merchant_id, session.session_id)
            raise

    async def _held(self, merchant_id: str, job: Callable[[set[str]], Job[T]], at: int) -> T:
        """Run a reservation, given the limits that have their caps; another till that took the goods in the same moment
        makes it look again."""
        ready: set[str] = set()
        for _ in range(_TRIES + _PREPARED):
            try:
                return await self._w.sql.write(lambda: job(ready))
            except Unready as missing:
                ready.update(await self._prepare(merchant_id, missing, at))
            except Insufficient as error:
                if not error.account.startswith("stock:"):
                    raise
        return await self._w.sql.write(lambda: job(ready))

    async def _prepare(self, merchant_id: str, missing: Unready, at: int) -> set[str]:
        """What the reservation needs, each in a transaction of its own; returns the limits that have their caps."""
        if missing.earlier is not None:
            await self.let_go(merchant_id, missing.earlier)
        for claim in missing.limits:
            await self._w.sql.write(lambda claim=claim: fund(merchant_id, [claim], ids=self._w.ids, at=at))  # type: ignore[misc]
        return {claim.key for claim in missing.limits}

    async def shown(self, session: Session, accepted: Session) -> Session:
        """The accepted session on the screens; when it has changed meanwhile, what was reserved is let go."""
        shown = await self.show(session, accepted)
        if shown is None:
            await self.let_go(session.merchant_id, accepted.checkout_id or "")
            raise changed()
        return shown

    async def show(self, session: Session, accepted: Session) -> Session | None:
        """Move the stored session to PAYING; None when it has changed meanwhile to something else."""
        if await self._desk.store(accepted, session.revision):
            self._w.trace("accept.shown")
            return accepted
        current = await self._desk.load(session.merchant_id, session.session_id)
        return current if current.checkout_id == accepted.checkout_id else None

    async def follow(self, merchant_id: str, session_id: str, row: Row, station_id: str | None) -> str:
        """Where the checkout's `row` is paid: at `station_id`, if its session is there. A hand-over that was cut off
        before SQL knew of it is finished here."""
        if station_id not in (None, row["station_id"]) and row["state"] in IDLE:
            session = await self._desk.load(merchant_id, session_id)
            if session.station_id != station_id:
                raise handed_over()
            await self._w.sql.write(lambda: bring(merchant_id, session, self._w.trace))
        return station_id or str(row["station_id"])

    async def let_go(self, merchant_id: str, checkout_id: str) -> bool:
        """Undo an acceptance that nobody began to pay."""
        at = self._w.at()
        return await self._w.sql.write(
            lambda: release(
                merchant_id, checkout_id, "released", ("reserved",), ids=self._w.ids, at=at, trace=self._w.trace
            )
        )
