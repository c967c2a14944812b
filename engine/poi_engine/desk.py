"""The session as Redis has it and as SQL knows it: compare-and-set changes, and the way back after either is lost."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from poi_engine.checkout.standing import follows, truth_of
from poi_engine.errors import Conflict, NotFound, StorageError
from poi_engine.ports import Job, Query, Row
from poi_engine.session import MOVES, Identity, Session, SessionState, handed_over, move
from poi_engine.wiring import Wiring

ATTEMPTS = 8
"""How often a change is tried again when somebody else was faster."""
_S = SessionState
IN_PAYMENT = frozenset({_S.PAYING, _S.UNKNOWN})
"""States in which SQL is the truth."""


class Desk:
    """Loads, changes and settles sessions for the services."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._unshown: dict[tuple[str, str], Session] = {}

    @contextmanager
    def unshown(self, session: Session) -> Iterator[None]:
        """Store a new session once, when it is settled: until then the screens of this process alone see it. One at a
        station."""
        if any(_same_station(session, other) for other in self._unshown.values()):
            raise station_busy()
        key = (session.merchant_id, session.session_id)
        self._unshown[key] = session
        try:
            yield
        finally:
            self._unshown.pop(key, None)

    async def load(self, merchant_id: str, session_id: str) -> Session:
        """The session, brought up to what SQL says of its payment; SQL alone when Redis is away or has lost it."""
        if unshown := self._unshown.get((merchant_id, session_id)):
            return unshown
        session = await self._in_redis(merchant_id, session_id)
        return await (self.reconciled(session) if session else self._from_sql(merchant_id, session_id))

    async def stored(self, merchant_id: str, session_id: str) -> Session:
        """The session as it was stored last: for who asks SQL about its payment anyway."""
        if unshown := self._unshown.get((merchant_id, session_id)):
            return unshown
        return await self._in_redis(merchant_id, session_id) or await self._from_sql(merchant_id, session_id)

    async def _in_redis(self, merchant_id: str, session_id: str) -> Session | None:
        try:
            return await self._w.sessions.load(merchant_id, session_id)
        except StorageError:
            return None

    async def reconciled(self, session: Session) -> Session:
        """A session in payment as SQL has it; any other as it is."""
        if session.state not in IN_PAYMENT:
            return session
        truth = await self._w.sql.read(lambda: truth_of(session.merchant_id, session.session_id))
        if truth is None or truth.checkout_id != session.checkout_id or not follows(truth, session):
            return session
        return await self.settle(truth)

    async def change(
        self,
        merchant_id: str,
        session_id: str,
        step: Callable[[Session], Awaitable[Session]],
        known: Session | None = None,
    ) -> Session:
        """Apply a step and store the result; when somebody was faster, apply it to what they made.

        `known` is the session if the caller has just loaded it. What was meant for one station is not done to a session
        that has gone on at another meanwhile.
        """
        where = known.station_id if known else None
        for _ in range(ATTEMPTS):
            session, known = known or await self.load(merchant_id, session_id), None
            if where is not None and session.station_id != where:
                raise handed_over()
            where = session.station_id
            changed = await step(session)
            if changed is session:
                return session
            if await self.store(changed, session.revision):
                return changed
        raise Conflict("session-busy", "This session is changing too fast; try again.")

    async def store(self, changed: Session, revision: int | None) -> bool:
        """Store a session whose stored revision is this one (None: if there is none) and show it; False when somebody
        was faster."""
        key = (changed.merchant_id, changed.session_id)
        if key in self._unshown:
            self._unshown[key] = changed
            await self._w.screens.session_changed(changed, here=True)
            return True
        if not await self._w.sessions.save(changed, expected_revision=revision):
            return False
        await self._w.screens.session_changed(changed)
        return True

    async def settle(self, truth: Session, known: Session | None = None) -> Session:
        """Bring the stored session to what SQL says; an answer that needs no Redis. `known`: as it was stored last."""
        try:
            stored = await self._settle(truth, known)
        except StorageError:
            stored = None
        return stored or await self.named(truth)

    async def _settle(self, truth: Session, known: Session | None) -> Session | None:
        for _ in range(ATTEMPTS):
            unshown = self._unshown.pop((truth.merchant_id, truth.session_id), None)
            current = unshown or known or await self._w.sessions.load(truth.merchant_id, truth.session_id)
            known = None
            if current is None or current.checkout_id != truth.checkout_id or not follows(truth, current):
                return current
            if truth.state not in MOVES[current.state]:
                return current
            changed = move(
                current,
                truth.state,
                sale_id=truth.sale_id,
                notice=truth.notice,
                decision_id=truth.decision_id,
                tenders=truth.tenders,
                due=truth.due,
            )
            if await self.store(changed, None if unshown else current.revision):
                return changed
        return None

    async def _from_sql(self, merchant_id: str, session_id: str) -> Session:
        truth = await self._w.sql.read(lambda: truth_of(merchant_id, session_id))
        if truth is None:
            raise NotFound("session", session_id)
        return await self.named(truth)

    async def named(self, session: Session) -> Session:
        """The documents in SQL hold no names; the screen shows one."""
        identity = session.identity
        if identity is None:
            return session
        rows = await self._w.sql.read(lambda: _name_of(session.merchant_id, identity.customer_id))
        return replace(session, identity=_with_name(identity, rows))


def station_busy() -> Conflict:
    """Somebody else has the station."""
    return Conflict("station-busy", "Somebody is being served at this station; end their session first.")


def _same_station(one: Session, other: Session) -> bool:
    return (one.merchant_id, one.station_id) == (other.merchant_id, other.station_id)


def _with_name(identity: Identity, rows: list[Row]) -> Identity:
    return replace(identity, display_name=rows[0]["display_name"]) if rows else identity


def _name_of(merchant_id: str, customer_id: str) -> Job[list[Row]]:
    return (
        yield Query(
            "select coalesce(l.display_name, c.display_name) as display_name from customer c left join customer l "
            "on l.merchant_id = c.merchant_id and l.customer_id = c.merged_into "
            "where c.merchant_id = ? and c.customer_id = ?",
            (merchant_id, customer_id),
        )
    )
