"""From the accepted total to the receipt: reserve, pay, commit; and out of doubt by status or by a person."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Literal, NamedTuple

from msgspec.structs import asdict

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.acceptance import Acceptance
from poi_engine.checkout.accepting import accepted_session, changed, must_be_shown, total_of
from poi_engine.checkout.authorising import authorise
from poi_engine.checkout.commit import OPEN_STATES, Committed
from poi_engine.checkout.confirmation import ConfirmationNeeded
from poi_engine.checkout.confirmations import Confirmations
from poi_engine.checkout.exercise import exercise_of, is_exercise, pay_exercise
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.meal_vouchers import Payable, payable
from poi_engine.checkout.pay_jobs import not_in_doubt, pay_at_once, say, session_in
from poi_engine.checkout.promise import Key, Promise, key_of, promised
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.reservation import checkout_of, latest
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.checkout.settlement import Settlement
from poi_engine.checkout.standing import sold_session
from poi_engine.checkout.tendering import Before, Begun, Intent, accept_and_begin, begin, check_asked
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, PoiError, RequestError, StorageError
from poi_engine.means import BY_CONNECTOR, Asked, Means
from poi_engine.ports import Job, PaymentResult, Row
from poi_engine.principal import Principal
from poi_engine.sales import SaleView
from poi_engine.session import Session, SessionState
from poi_engine.staff.approvals import Allowance
from poi_engine.stations import Stations
from poi_engine.wiring import Wiring

_S = SessionState


class _Call(NamedTuple):
    """One call of `Checkout.pay`."""

    merchant_id: str
    session_id: str
    wish: Asked
    station_id: str | None
    key: Key
    by: Principal
    known: Session | None = None


class Checkout:
    """Acceptance, payment and refund."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        stations: Stations,
        offers: OfferBook,
        settlement: Settlement,
        refunds: Refunds,
        confirmations: Confirmations,
    ) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations
        self._acceptance = Acceptance(wiring, desk, stations, offers)
        self._settlement = settlement
        self._refunds = refunds
        self._confirmations = confirmations
        self._under_way: dict[tuple[str, str, str], tuple[bytes, asyncio.Task[Session]]] = {}

    async def accept(
        self,
        merchant_id: str,
        session_id: str,
        decision_id: str,
        total: int,
        *,
        by: Principal,
        known: Session | None = None,
    ) -> Session:
        """The customer accepts exactly this decision and total (minor units): freeze it, reserve its needs durably.

        `Conflict` `decision-changed` when another decision is shown by now; `decide-again` when something it counted on
        has gone: the session then shows a new decision to ask for; `confirmation-required` when it spends more than the
        merchant's cap: the customer is asked, and accepting again goes on once they agree. `known` is the session if
        the caller has just loaded it.
        """
        self._w.trace("accept.begin")
        session = known or await self._desk.load(merchant_id, session_id)
        if session.state is _S.PAYING and session.decision_id == decision_id and total_of(session) == total:
            return session
        must_be_shown(session, decision_id, total)
        checkout_id, at = checkout_of(decision_id), self._w.at()
        if (await self._w.places.counter(merchant_id, session.station_id)).training:
            name = exercise_of(checkout_id)
            return await self._shown(session, accepted_session(session, name))
        accepted = accepted_session(session, checkout_id)
        frozen = await self._acceptance.freeze(accepted, by, at)
        self._w.trace("accept.frozen")
        try:
            await self._acceptance.reserve(session, checkout_id, frozen, at, _alone, "reserved")
        except ConfirmationNeeded as needed:
            await self._confirmations.ask(merchant_id, needed)
            raise
        self._w.trace("accept.reserved")
        return await self._shown(session, accepted)

    async def pay(
        self,
        merchant_id: str,
        session_id: str,
        means: Means,
        amount: int | None = None,
        *,
        given: int | None = None,
        gift_card: str | None = None,
        hold: str | None = None,
        decision_id: str | None = None,
        station_id: str | None = None,
        key: str,
        by: Principal,
        known: Session | None = None,
        accepting: Session | None = None,
        unshown: bool = False,
    ) -> Session:
        """Pay what is due of the accepted total, or an `amount` of it (minor units): PAID, DECLINED, UNKNOWN, or PAYING
        while something is due. `given`: the cash handed over; `gift_card`: the card's code; `hold`: the card hold.

        `decision_id`: what the payer saw accepted; `Conflict` `decision-changed` when another decision is accepted by
        now, and nothing is paid. `station_id`: where it is paid; the checkout follows a session that was handed over.
        `known` is the session if the caller has just loaded it.
        `accepting`: the session as it was just decided, which is accepted in the same transaction; `unshown`: nobody
        else knows it, and it is stored once the payment has its end.

        Repeating the key repeats the answer and pays once. The payment goes on when the caller goes away.
        """
        wish = Asked(means=means, amount=amount, given=given, gift_card=gift_card, hold=hold, decision_id=decision_id)
        check_asked(wish)
        extra = [f"{name}={value}" for name, value in asdict(wish).items() if name != "means" and value is not None]
        asked = key_of(by, key, "pay", session_id, means, *extra)
        name = (merchant_id, asked.principal, asked.key)
        under_way = self._under_way.get(name)
        if under_way is None:
            hiding = self._desk.unshown(accepting) if accepting and unshown else nullcontext()
            call = _Call(merchant_id, session_id, wish, station_id, asked, by, known)
            task = asyncio.create_task(self._pay(call, accepting, hiding))
            under_way = self._under_way[name] = (asked.body_hash, task)
            task.add_done_callback(lambda _: self._under_way.pop(name, None))
        elif under_way[0] != asked.body_hash:
            raise Conflict("idempotency-mismatch", "This key is paying something else.", status=422)
        return await asyncio.shield(under_way[1])

    async def meal_voucher(self, merchant_id: str, session_id: str) -> Payable:
        """What meal vouchers may pay of the session's basket as it is decided, or of what is due of it."""
        session = await self._desk.load(merchant_id, session_id)
        if session.decision is None:
            return Payable(amount=0, eligible=0, left_today=None)
        counter, at = await self._w.places.counter(merchant_id, session.station_id), self._w.at()
        frozen = Frozen(session=session, place=counter.place, accepted_at=at, accepted_by="")
        taken = [one for one in session.tenders if one.state == "captured"]
        paid = sum(one.amount for one in taken if one.means == "meal_voucher")
        due = session.decision.total - sum(one.amount for one in taken)
        return await self._w.sql.read(lambda: payable(merchant_id, frozen, paid, due, at))

    async def ask_status(self, merchant_id: str, session_id: str) -> Session:
        """Ask the terminal what became of the payment."""
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is None or row["state"] not in ("unknown", "paying"):
            return await self._desk.load(merchant_id, session_id)
        if await self._settlement.is_under_way(merchant_id, row["checkout_id"]):
            return await self._desk.load(merchant_id, session_id)
        return await self._settlement.ask(merchant_id, row["checkout_id"])

    async def resolve(
        self,
        merchant_id: str,
        session_id: str,
        outcome: Literal["paid", "declined"],
        reason: str,
        *,
        by: Principal,
        payment_id: str | None = None,
        allowance: Allowance | None = None,
    ) -> Session:
        """A person says how a payment in doubt ended; recorded in the audit. Declining undoes it at the terminal.

        `payment_id`: the one they mean; `Conflict` `another-payment` when it is another that is in doubt by now.
        """
        if outcome not in ("paid", "declined"):
            raise RequestError("bad-outcome", "The outcome is `paid` or `declined`.", path="$.outcome")
        if not reason.strip():
            raise RequestError("reason-needed", "Say why: it goes into the audit.", path="$.reason")
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is None or row["state"] != "unknown":
            raise not_in_doubt()
        word = (session_id, row, outcome, reason, by, allowance or Allowance(who=by.who), payment_id)
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        payment = await self._w.sql.write(lambda: say(merchant_id, *word, audit_id=audit_id, at=at))
        return await self._settlement.by_person(merchant_id, payment, outcome, reason)

    async def refund(
        self,
        merchant_id: str,
        sale_id: str,
        lines: Sequence[ReturnedLine] | None,
        reason: str,
        *,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> SaleView:
        """Take back a sale, wholly (`lines` None: what is left of it) or in part."""
        return await self._refunds.refund(merchant_id, sale_id, lines, reason, key=key, by=by, allowance=allowance)

    @property
    def refunds(self) -> Refunds:
        """Refunds in doubt, and how a person ends them."""
        return self._refunds

    async def close(self) -> None:
        """Wait for the payments under way."""
        tasks = [task for _, task in self._under_way.values()]
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _shown(self, session: Session, accepted: Session) -> Session:
        """The accepted session on the screens; when it has changed meanwhile, what was reserved is let go."""
        shown = await self._acceptance.show(session, accepted)
        if shown is None:
            await self._acceptance.let_go(session.merchant_id, accepted.checkout_id or "")
            raise changed()
        return shown

    # --- pay -------------------------------------------------------------------------------------------------------

    async def _pay(self, call: _Call, accepting: Session | None, hiding: AbstractContextManager[None]) -> Session:
        self._w.trace("pay.start")
        with hiding:
            return await self._paid(call, accepting)

    async def _paid(self, call: _Call, accepting: Session | None) -> Session:
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

    async def _pay_first(self, call: _Call, row: Row | None) -> Session:
        """`row`: the session's newest checkout."""
        if row is None or row["state"] not in OPEN_STATES:
            exercise = await self._exercise(call)
            if exercise is not None:
                return exercise
        if row is None:
            raise Conflict("not-accepted", "The customer has not accepted a total yet.")
        station_id = await self._acceptance.follow(call.merchant_id, call.session_id, row, call.station_id)
        return await self._pay_accepted(call, station_id, row["total"])

    async def _pay_known(self, call: _Call, known: Session) -> Session | None:
        """Pay what was accepted; None where a hand-over was cut off before SQL knew of it."""
        try:
            return await self._pay_accepted(call, call.station_id or known.station_id, total_of(known) or 0)
        except Conflict as error:
            if error.code != "handed-over":
                raise
            return None

    async def _pay_accepted(self, call: _Call, station_id: str, total: int) -> Session:
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
        begun = await self._w.sql.write(beginning)
        if isinstance(begun, Before):
            return await self._again(merchant_id, session_id, begun.answer)
        self._w.trace("pay.begun")
        return await self._send(merchant_id, station_id, begun)

    async def _accept_and_pay(self, session: Session, call: _Call) -> Session:
        """One transaction instead of two."""
        merchant_id, station_id = session.merchant_id, session.station_id
        wish, key, by = call.wish, call.key, call.by
        if (await self._w.places.counter(merchant_id, station_id)).training:
            name = (session.session_id, session.decision_id or "", total_of(session) or 0)
            await self.accept(merchant_id, *name, by=by, known=session)
            return await self._pay_first(call, None)
        at, checkout_id = self._w.at(), checkout_of(session.decision_id or "")
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

    async def _exercise(self, call: _Call) -> Session | None:
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
        payment = begun.payment
        with self._settlement.sending(payment.checkout_id):
            result = await authorise(self._w, merchant_id, station_id, begun)
            self._w.trace("pay.answered")
            return await self._settlement.settle(merchant_id, payment, result, shown, begun.frozen)

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


def _standing(call: _Call) -> Job[tuple[Promise | None, Row | None]]:
    """What the key made before, and the session's newest checkout."""
    before = yield from promised(call.merchant_id, call.key)
    return before, None if before is not None else (yield from latest(call.merchant_id, call.session_id))


def _alone(job: Job[Frozen]) -> Job[Frozen]:
    """Nothing else in the transaction."""
    return job
