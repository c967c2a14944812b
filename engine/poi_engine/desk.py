"""The session as Redis has it and as SQL knows it: compare-and-set changes, and the way back after either is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from msgspec.structs import replace

from poi_engine.checkout.standing import follows, news_of, truth_of
from poi_engine.errors import Conflict, NotFound, StorageError
from poi_engine.ports import Job, Query, Row
from poi_engine.session import MOVES, Identity, Session, SessionState, handed_over, move
from poi_engine.wiring import Wiring

ATTEMPTS = 8
"""How often a change is tried again when somebody else was faster."""
_S = SessionState
SHOWN_SECONDS = 0.25
"""How long a payment that nobody else needs to know of may take before every process is told."""
IN_PAYMENT = frozenset({_S.PAYING, _S.UNKNOWN})
"""States in which SQL is the truth."""

_Key = tuple[str, str]
"""A merchant, and a session or a station."""


class Desk:
    """Loads, changes and settles sessions for the services."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._unshown: dict[_Key, Session] = {}
        self._taken: set[_Key] = set()
        self._telling: dict[_Key, asyncio.Task[None] | asyncio.TimerHandle] = {}
        self._behind: set[_Key] = set()
        """Sessions, one a station at most, that were settled while Redis was away."""

    @contextmanager
    def unshown(self, session: Session) -> Iterator[None]:
        """Store a new session once, when it is settled: until then the screens of this process alone see it. A payment
        that takes `SHOWN_SECONDS` is stored, and seen by all, meanwhile. One at a station."""
        key, station = (session.merchant_id, session.session_id), (session.merchant_id, session.station_id)
        if station in self._taken:
            raise station_busy()
        self._taken.add(station)
        self._unshown[key] = session
        try:
            yield
        finally:
            self._taken.discard(station)
            self._unshown.pop(key, None)
            if telling := self._telling.pop(key, None):
                telling.cancel()

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
        """A session in payment, or settled without Redis, as SQL has it; any other as it is."""
        key = (session.merchant_id, session.session_id)
        if session.state not in IN_PAYMENT and key not in self._behind:
            return session
        self._behind.discard(key)
        truth = await self._w.sql.read(lambda: news_of(session))
        return await self.settle(truth, session) if truth else session

    async def catch_up(self, merchant_id: str, session_id: str) -> None:
        """Bring a stored session to what SQL says, whatever state it shows."""
        self._behind.add((merchant_id, session_id))
        await self.load(merchant_id, session_id)

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
            self._tell_later(key)
            await self._w.screens.session_changed(changed, to="here")
            return True
        if not await self._w.sessions.save(changed, expected_revision=revision):
            return False
        await self._w.screens.session_changed(changed)
        return True

    def _tell_later(self, key: _Key) -> None:
        """Most payments are answered before anybody elsewhere needs to see them: the others cost what others do."""

        def tell() -> None:
            self._telling[key] = asyncio.create_task(self._tell(key))

        if key not in self._telling:
            self._telling[key] = asyncio.get_running_loop().call_later(SHOWN_SECONDS, tell)

    async def _tell(self, key: _Key) -> None:
        """Store what is still unshown as any session is. Who settles it meanwhile finds that out by its revision."""
        session = self._unshown.get(key)
        if session is None:
            return
        with suppress(StorageError):
            if await self._w.sessions.save(session, expected_revision=None) and self._unshown.get(key) is session:
                del self._unshown[key]
                await self._w.screens.session_changed(session, to="elsewhere")

    async def settle(self, truth: Session, known: Session | None = None) -> Session:
        """Bring the stored session to what SQL says; an answer that needs no Redis. `known`: as it was stored last."""
        try:
            stored = await self._settle(truth, known)
        except StorageError:
            stored = None
            self._behind.add((truth.merchant_id, truth.session_id))
        return stored or await self.named(truth)

    async def _settle(self, truth: Session, known: Session | None) -> Session | None:
        for _ in range(ATTEMPTS):
            unshown = self._unshown.pop((truth.merchant_id, truth.session_id), None)
            current = unshown or known or await self._w.sessions.load(truth.merchant_id, truth.session_id)
            known = None
            if current is None:
                return None
            changed = await self._settled(truth, current)
            if changed is current or await self.store(changed, None if unshown else current.revision):
                return changed
        return None

    async def _settled(self, truth: Session, current: Session) -> Session:
        """The stored session with what SQL says of its payment; where it does not even know that payment, all of it."""
        if current.checkout_id != truth.checkout_id:
            news = await self._w.sql.read(lambda: news_of(current))
            return _in_place_of(current, await self.named(news)) if news else current
        if truth.state not in MOVES[current.state] or not follows(truth, current):
            return current
        return move(
            current,
            truth.state,
            sale_id=truth.sale_id,
            notice=truth.notice,
            decision_id=truth.decision_id,
            tenders=truth.tenders,
            due=truth.due,
        )

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


def _in_place_of(stored: Session, truth: Session) -> Session:
    """What SQL says, where the session is now."""
    return replace(truth, revision=stored.revision + 1, station_id=stored.station_id, store_id=stored.store_id)


def station_busy() -> Conflict:
    """Somebody else has the station."""
    return Conflict("station-busy", "Somebody is being served at this station; end their session first.")


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
