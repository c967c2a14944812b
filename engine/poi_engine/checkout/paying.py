"""One payment from its call to its end: begun durably, sent, settled; or accepted and paid in one transaction."""

from contextlib import AbstractContextManager, suppress
from typing import NamedTuple

from poi_engine.checkout.acceptance import Acceptance
from poi_engine.checkout.accepting import accepted_session, changed, total_of
from poi_engine.checkout.authorising import authorise
from poi_engine.checkout.commit import OPEN_STATES, Committed
from poi_engine.checkout.confirmation import ConfirmationNeeded
from poi_engine.checkout.confirmations import Confirmations
from poi_engine.checkout.exercise import exercise_of, is_exercise, pay_exercise
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.pay_jobs import pay_at_once, session_in
from poi_engine.checkout.promise import Key, Promise, promised
from poi_engine.checkout.reservation import checkout_of, latest
from poi_engine.checkout.settlement import Settlement
from poi_engine.checkout.standing import sold_session
from poi_engine.checkout.tendering import Before, Begun, Intent, accept_and_begin, begin
from poi_engine.checkout.under_way import UnderWay
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, PoiError, StorageError
from poi_engine.means import BY_CONNECTOR, Asked
from poi_engine.ports import Job, PaymentResult, Row
from poi_engine.principal import Principal
from poi_engine.session import Session, SessionState
from poi_engine.stations import Stations
from poi_engine.together import together
from poi_engine.wiring import Wiring

_S = SessionState


class Call(NamedTuple):
    """One call of `Checkout.pay`."""

    merchant_id: str
    session_id: str
    wish: Asked
    station_id: str | None
    key: Key
    by: Principal
    known: Session | None = None


class Paying:
    """What `Checkout` pays with."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        stations: Stations,
        acceptance: Acceptance,
        settlement: Settlement,
        under_way: UnderWay,
        confirmations: Confirmations,
    ) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations
        self._acceptance = acceptance
        self._settlement = settlement
        self._under_way = under_way
        self._confirmations = confirmations

    async def pay(self, call: Call, accepting: Session | None, hiding: AbstractContextManager[None]) -> Session:
        """Pay once, `hiding` a session that nobody else knows meanwhile; `accepting`: accept that one before."""
        self._w.trace("pay.start")
        with hiding:
            return await self._paid(call, accepting)

    async def _paid(self, call: Call, accepting: Session | None) -> Session:
        try:
            if accepting is not None:
                return await self._accept_and_pay(accepting, call)
            known = call.known
            if known is not None and known.state is _S.PAYING and not is_exercise(known):
                paid = await self._pay_known(call, known)
                if paid is not None:
                    return paid
            before, row = await self._w.sql.read(lambda: _standing(call))
            if before is not None:
                return await self._again(call.merchant_id, call.session_id, before.answer)
            return await self._pay_first(call, row)
        except ConfirmationNeeded as needed:
            await self._confirmations.ask(call.merchant_id, needed)
            raise
        except PoiError as error:
            if error.code == "decide-again":
                with suppress(StorageError):  # without Redis the refusal still has its own reason
                    await self._back_to_decision(call.merchant_id, call.session_id)
            raise

    async def _pay_first(self, call: Call, row: Row | None) -> Session:
        """`row`: the session's newest checkout."""
        if row is None or row["state"] not in OPEN_STATES:
            exercise = await self._exercise(call)
            if exercise is not None:
                return exercise
        if row is None:
            raise Conflict("not-accepted", "The customer has not accepted a total yet.")
        station_id = await self._acceptance.follow(call.merchant_id, call.session_id, row, call.station_id)
        return await self._pay_accepted(call, row["checkout_id"], station_id, row["total"])

    async def _pay_known(self, call: Call, known: Session) -> Session | None:
        """Pay what was accepted; None where a hand-over was cut off before SQL knew of it."""
        try:
            station_id, total = call.station_id or known.station_id, total_of(known) or 0
            return await self._pay_accepted(call, known.checkout_id or "", station_id, total)
        except Conflict as error:
            if error.code != "handed-over":
                raise
            return None

    async def _pay_accepted(self, call: Call, checkout_id: str, station_id: str, total: int) -> Session:
        merchant_id, session_id, wish, key = call.merchant_id, call.session_id, call.wish, call.key
        at = self._w.at()
        at_once = wish.means not in BY_CONNECTOR or total == 0
        connector = "" if at_once else await self._connector_name(merchant_id, station_id, wish.means)
        intent = Intent(wish, connector, key, self._w.ids.new("pay"))

        def beginning() -> Job[Begun | Before]:
            return begin(merchant_id, session_id, intent, station_id, at=at, trace=self._w.trace)

        if at_once:
            made = await self._w.sql.write(lambda: self._at_once(merchant_id, beginning(), at))
            return await self._paid_at_once(merchant_id, session_id, made)
        with self._under_way.sending(checkout_id):
            begun = await self._w.sql.write(beginning)
            if isinstance(begun, Before):
                return await self._again(merchant_id, session_id, begun.answer)
            self._w.trace("pay.begun")
            with self._under_way.sending(begun.payment.checkout_id):  # another one, if the total was accepted anew
                return await self._send(merchant_id, station_id, begun)

    async def _accept_and_pay(self, session: Session, call: Call) -> Session:
        """One transaction instead of two."""
        merchant_id, station_id = session.merchant_id, session.station_id
        wish, key, by = call.wish, call.key, call.by
        checkout_id = checkout_of(session.decision_id or "")
        if (await self._w.places.counter(merchant_id, station_id)).training:
            await self._acceptance.shown(session, accepted_session(session, exercise_of(checkout_id)))
            return await self._pay_first(call, None)
        at = self._w.at()
        accepted = accepted_session(session, checkout_id)
        frozen = await self._acceptance.freeze(accepted, by, at)
        at_once = wish.means not in BY_CONNECTOR or frozen.decision.total == 0
        connector = "" if at_once else await self._connector_name(merchant_id, station_id, wish.means)
        intent = Intent(wish, connector, key, self._w.ids.new("pay"))
        self._w.trace("accept.frozen")

        def beginning(reserving: Job[Frozen]) -> Job[Begun | Before]:
            return accept_and_begin(merchant_id, checkout_id, reserving, intent, at=at, trace=self._w.trace)

        if at_once:
            made = await self._acceptance.reserve(
                session, checkout_id, frozen, at, lambda job: self._at_once(merchant_id, beginning(job), at), "paying"
            )
            shown = None if isinstance(made, Before) else await self._paying(session, accepted)
            return await self._paid_at_once(merchant_id, session.session_id, made, shown)
        with self._under_way.sending(checkout_id):
            begun = await self._acceptance.reserve(session, checkout_id, frozen, at, beginning, "paying")
            if isinstance(begun, Before):
                return await self._again(merchant_id, session.session_id, begun.answer)
            self._w.trace("pay.begun")
            shown = await self._paying(session, accepted)
            if shown is None:  # somebody else goes on with the session: nothing is sent
                result = PaymentResult(outcome="declined", payment_ref=intent.payment_id, reason="session-changed")
                await self._settlement.settle(merchant_id, begun.payment, result)
                raise changed()
            return await self._send(merchant_id, station_id, begun, shown)

    async def _paying(self, session: Session, accepted: Session) -> Session | None:
        """The session being paid, on the screens; without Redis the payment goes on."""
        try:
            return await self._acceptance.show(session, accepted)
        except StorageError:
            return accepted

    async def _exercise(self, call: Call) -> Session | None:
        """Pay what was accepted in training, if it was."""
        merchant_id, session_id, wish, _, key, by, _ = call
        session = await self._desk.load(merchant_id, session_id)
        if not is_exercise(session) or session.state is not _S.PAYING:
            return None
        payment_id, at = self._w.ids.new("pay"), self._w.at()
        frozen = await self._acceptance.freeze(session, by, at)
        made = await self._w.sql.write(lambda: pay_exercise(merchant_id, frozen, wish, key, payment_id, at))
        if made.answer is not None:
            return await self._again(merchant_id, session_id, made.answer)
        return await self._desk.settle(made.session)

    async def _send(self, merchant_id: str, station_id: str, begun: Begun, shown: Session | None = None) -> Session:
        result = await authorise(self._w, merchant_id, station_id, begun)
        self._w.trace("pay.answered")
        return await self._settlement.settle(merchant_id, begun.payment, result, shown, begun.frozen)

    def _at_once(self, merchant_id: str, beginning: Job[Begun | Before], at: int) -> Job[Committed | Session | Before]:
        return pay_at_once(merchant_id, beginning, ids=self._w.ids, at=at, trace=self._w.trace)

    async def _paid_at_once(
        self, merchant_id: str, session_id: str, made: Committed | Session | Before, shown: Session | None = None
    ) -> Session:
        if isinstance(made, Before):
            return await self._again(merchant_id, session_id, made.answer)
        self._w.trace("pay.committed")
        return await self._settlement.show(made, shown)

    async def _again(self, merchant_id: str, session_id: str, kept: bytes | None) -> Session:
        """The key was used before: the same answer, or how it stands when it has none yet."""
        answer = session_in(kept) or await self._w.sql.read(lambda: sold_session(merchant_id, session_id))
        if answer is not None:
            return await self._desk.named(answer)
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is not None and row["state"] == "paying":
            raise Conflict("payment-under-way", "This payment is under way; ask again.")
        return await self._desk.load(merchant_id, session_id)

    async def _back_to_decision(self, merchant_id: str, session_id: str) -> None:
        """Another means than the card seen: let go, forget the card, decide again."""
        session = await self._desk.load(merchant_id, session_id)
        if session.state is _S.PAYING and await self._acceptance.let_go(merchant_id, session.checkout_id or ""):
            await self._desk.load(merchant_id, session_id)
            await self._stations.forget_card(merchant_id, session_id)

    async def _connector_name(self, merchant_id: str, station_id: str, means: str) -> str:
        """A card goes to the station's terminal, a transfer to the bank's driver, which bears its name."""
        counter = await self._w.places.counter(merchant_id, station_id)
        name = counter.connector if means == "card" else means
        self._w.connector(name)
        return name


def _standing(call: Call) -> Job[tuple[Promise | None, Row | None]]:
    """What the key made before, and the session's newest checkout."""
    return (yield from together(promised(call.merchant_id, call.key), latest(call.merchant_id, call.session_id)))
