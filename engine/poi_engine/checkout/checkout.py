"""From the accepted total to the receipt: reserve, pay, commit; and out of doubt by status or by a person."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from msgspec.structs import asdict

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.accepting import accepted_session, must_be_shown, total_of
from poi_engine.checkout.authorising import authorise
from poi_engine.checkout.commit import OPEN_STATES
from poi_engine.checkout.confirmation import ConfirmationNeeded
from poi_engine.checkout.confirmations import Confirmations
from poi_engine.checkout.exercise import exercise_of, is_exercise, pay_exercise
from poi_engine.checkout.frozen import Frozen, claims_of, impersonal
from poi_engine.checkout.meal_vouchers import Payable, payable
from poi_engine.checkout.pay_jobs import pay_at_once, session_in
from poi_engine.checkout.promise import Key, key_of, promised
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.reservation import Taken, Unready, carry_claims, checkout_of, fund, latest, release, reserve
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.checkout.settlement import Settlement
from poi_engine.checkout.tendering import Before, Begun, begin, check_asked
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, PoiError, RequestError, StorageError
from poi_engine.goods.stock import gone_meanwhile
from poi_engine.identify import must_be_sure
from poi_engine.ledger import Insufficient
from poi_engine.loyalty import points_spent
from poi_engine.means import BY_CONNECTOR, Asked, Means
from poi_engine.ports import Job, Row
from poi_engine.principal import Principal
from poi_engine.sales import SaleView
from poi_engine.session import Notice, Session, SessionState
from poi_engine.staff.approvals import Allowance, allow
from poi_engine.stations import Stations, situation_of
from poi_engine.wiring import Wiring
from poi_offers.limits import claims

_S = SessionState
_TRIES, _PREPARED = 3, 2


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
        self._offers = offers
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
        """The customer accepts exactly this decision and total: freeze it and reserve what it needs, durably.

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
            return await self._show(session, accepted_session(session, name), name)
        accepted = accepted_session(session, checkout_id)
        frozen = await self._freeze(accepted, by, at)
        self._w.trace("accept.frozen")
        try:
            await self._reserve(session, checkout_id, frozen, at)
        except ConfirmationNeeded as needed:
            await self._confirmations.ask(merchant_id, needed)
            raise
        self._w.trace("accept.reserved")
        return await self._show(session, accepted, checkout_id)

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
        key: str,
        by: Principal,
    ) -> Session:
        """Pay what is due of the accepted total, or an `amount` of it (minor units): PAID, DECLINED, UNKNOWN, or PAYING
        while something is due. `given`: the cash handed over; `gift_card`: the card's code; `hold`: the card hold.

        Repeating the key repeats the answer and pays once. The payment goes on when the caller goes away.
        """
        wish = Asked(means=means, amount=amount, given=given, gift_card=gift_card, hold=hold)
        check_asked(wish)
        extra = [f"{name}={value}" for name, value in asdict(wish).items() if name != "means" and value is not None]
        asked = key_of(by, key, "pay", session_id, means, *extra)
        name = (merchant_id, asked.principal, asked.key)
        known = self._under_way.get(name)
        if known is None:
            task = asyncio.create_task(self._pay(merchant_id, session_id, wish, asked, by))
            known = self._under_way[name] = (asked.body_hash, task)
            task.add_done_callback(lambda _: self._under_way.pop(name, None))
        elif known[0] != asked.body_hash:
            raise Conflict("idempotency-mismatch", "This key is paying something else.", status=422)
        return await asyncio.shield(known[1])

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
        allowance: Allowance | None = None,
    ) -> Session:
        """A person says how a payment in doubt ended; recorded in the audit. Declining undoes it at the terminal."""
        if outcome not in ("paid", "declined"):
            raise RequestError("bad-outcome", "The outcome is `paid` or `declined`.", path="$.outcome")
        if not reason.strip():
            raise RequestError("reason-needed", "Say why: it goes into the audit.", path="$.reason")
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is None or row["state"] != "unknown":
            raise Conflict("not-in-doubt", "No payment of this session is in doubt.")
        await self._say(merchant_id, session_id, row, outcome, reason, by, allowance or Allowance(who=by.who))
        return await self._settlement.by_person(merchant_id, row["checkout_id"], outcome, reason)

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

    # --- accept ----------------------------------------------------------------------------------------------------

    async def _freeze(self, accepted: Session, by: Principal, at: int) -> Frozen:
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

    async def _reserve(self, session: Session, checkout_id: str, frozen: Frozen, at: int) -> None:
        merchant_id = session.merchant_id
        if points_spent(frozen.decision) and session.identity is not None:
            must_be_sure(session.identity, at)

        try:
            await self._held(merchant_id, checkout_id, frozen, at)
        except (Insufficient, Taken) as error:
            if isinstance(error, Insufficient) and error.account.startswith("stock:"):
                raise gone_meanwhile(error) from error
            await self._w.sql.write(lambda: carry_claims(merchant_id, frozen, ids=self._w.ids, at=at))
            await self._stations.decide_again(merchant_id, session.session_id, Notice(code="decide-again"))
            gone = error.message if isinstance(error, Taken) else "An offer of this decision is used up."
            raise Conflict("decide-again", f"{gone} A new decision is shown; ask the customer again.") from error

    async def _held(self, merchant_id: str, checkout_id: str, frozen: Frozen, at: int) -> None:
        """Run the reservation; another till that took the goods in the same moment makes it look again."""
        ready: set[str] = set()

        def job() -> Job[Frozen]:
            return reserve(merchant_id, checkout_id, frozen, ready=ready, ids=self._w.ids, at=at, trace=self._w.trace)

        for _ in range(_TRIES + _PREPARED):
            try:
                await self._w.sql.write(job)
            except Unready as missing:
                ready |= await self._prepare(merchant_id, missing, at)
            except Insufficient as error:
                if not error.account.startswith("stock:"):
                    raise
            else:
                return
        await self._w.sql.write(job)

    async def _prepare(self, merchant_id: str, missing: Unready, at: int) -> set[str]:
        """What the reservation needs, each in a transaction of its own; returns the limits that have their caps."""
        if missing.earlier is not None:
            await self._let_go(merchant_id, missing.earlier)
        for claim in missing.limits:
            await self._w.sql.write(lambda claim=claim: fund(merchant_id, [claim], ids=self._w.ids, at=at))  # type: ignore[misc]
        return {claim.key for claim in missing.limits}

    async def _show(self, session: Session, accepted: Session, checkout_id: str) -> Session:
        """Move the stored session to PAYING; when it has changed meanwhile, let go what was reserved."""
        if await self._w.sessions.save(accepted, expected_revision=session.revision):
            self._w.trace("accept.shown")
            await self._w.screens.session_changed(accepted)
            return accepted
        current = await self._desk.load(session.merchant_id, session.session_id)
        if current.checkout_id == checkout_id:
            return current
        await self._let_go(session.merchant_id, checkout_id)
        raise Conflict("decision-changed", "The session has changed meanwhile; look at the new decision.")

    async def _let_go(self, merchant_id: str, checkout_id: str) -> bool:
        at = self._w.at()
        return await self._w.sql.write(
            lambda: release(
                merchant_id, checkout_id, "released", ("reserved",), ids=self._w.ids, at=at, trace=self._w.trace
            )
        )

    # --- pay -------------------------------------------------------------------------------------------------------

    async def _pay(self, merchant_id: str, session_id: str, wish: Asked, key: Key, by: Principal) -> Session:
        self._w.trace("pay.start")
        before = await self._w.sql.read(lambda: promised(merchant_id, key))
        if before is not None:
            return await self._again(merchant_id, session_id, before.answer)
        try:
            return await self._pay_first(merchant_id, session_id, wish, key, by)
        except ConfirmationNeeded as needed:
            await self._confirmations.ask(merchant_id, needed)
            raise
        except PoiError as error:
            if error.code == "decide-again":
                with suppress(StorageError):  # without Redis the refusal still has its own reason
                    await self._back_to_decision(merchant_id, session_id)
            raise

    async def _pay_first(self, merchant_id: str, session_id: str, wish: Asked, key: Key, by: Principal) -> Session:
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is None or row["state"] not in OPEN_STATES:
            exercise = await self._exercise(merchant_id, session_id, wish, key, by)
            if exercise is not None:
                return exercise
        if row is None:
            raise Conflict("not-accepted", "The customer has not accepted a total yet.")
        payment_id, at = self._w.ids.new("pay"), self._w.at()
        if wish.means not in BY_CONNECTOR or row["total"] == 0:
            return await self._pay_at_once(merchant_id, session_id, wish, key, payment_id, at)
        station_id = row["station_id"]
        connector = await self._connector_name(merchant_id, station_id, wish.means)
        begun = await self._w.sql.write(
            lambda: begin(merchant_id, session_id, wish, connector, key, payment_id, at=at, trace=self._w.trace)
        )
        if isinstance(begun, Before):
            return await self._again(merchant_id, session_id, begun.answer)
        self._w.trace("pay.begun")
        return await self._send(merchant_id, station_id, begun)

    async def _exercise(
        self, merchant_id: str, session_id: str, wish: Asked, key: Key, by: Principal
    ) -> Session | None:
        """Pay what was accepted in training, if it was."""
        session = await self._desk.load(merchant_id, session_id)
        if not is_exercise(session) or session.state is not _S.PAYING:
            return None
        payment_id, at = self._w.ids.new("pay"), self._w.at()
        frozen = await self._freeze(session, by, at)
        made = await self._w.sql.write(lambda: pay_exercise(merchant_id, frozen, wish, key, payment_id, at))
        if made.answer is not None:
            return await self._again(merchant_id, session_id, made.answer)
        return await self._desk.settle(made.session)

    async def _send(self, merchant_id: str, station_id: str, begun: Begun) -> Session:
        payment = begun.payment
        with self._settlement.sending(payment.checkout_id):
            result = await authorise(self._w, merchant_id, station_id, begun)
            self._w.trace("pay.answered")
            return await self._settlement.settle(merchant_id, payment, result)

    async def _pay_at_once(
        self, merchant_id: str, session_id: str, wish: Asked, key: Key, payment_id: str, at: int
    ) -> Session:
        made = await self._w.sql.write(
            lambda: pay_at_once(
                merchant_id, session_id, wish, key, payment_id, ids=self._w.ids, at=at, trace=self._w.trace
            )
        )
        if isinstance(made, Before):
            return await self._again(merchant_id, session_id, made.answer)
        self._w.trace("pay.committed")
        return await self._settlement.show(made)

    async def _again(self, merchant_id: str, session_id: str, kept: bytes | None) -> Session:
        """The key was used before: the same answer, or how it stands when it has none yet."""
        answer = session_in(kept)
        if answer is not None:
            return await self._desk.named(answer)
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is not None and row["state"] == "paying":
            raise Conflict("payment-under-way", "This payment is under way; ask again.")
        return await self._desk.load(merchant_id, session_id)

    async def _back_to_decision(self, merchant_id: str, session_id: str) -> None:
        """Another means than the card seen: let go, forget the card, decide again."""
        session = await self._desk.load(merchant_id, session_id)
        if session.state is _S.PAYING and await self._let_go(merchant_id, session.checkout_id or ""):
            await self._desk.load(merchant_id, session_id)
            await self._stations.forget_card(merchant_id, session_id)

    async def _connector_name(self, merchant_id: str, station_id: str, means: str) -> str:
        """A card goes to the station's terminal, a transfer to the bank's driver, which bears its name."""
        counter = await self._w.places.counter(merchant_id, station_id)
        name = counter.connector if means == "card" else means
        self._w.connector(name)
        return name

    async def _say(
        self,
        merchant_id: str,
        session_id: str,
        row: Row,
        outcome: str,
        reason: str,
        by: Principal,
        allowance: Allowance,
    ) -> None:
        """Record a person's word, and the second person's if it takes one."""
        audit_id, at, checkout_id = self._w.ids.new("aud"), self._w.at(), row["checkout_id"]

        def job() -> Job[None]:
            yield from allow(merchant_id, allowance, "resolve", session_id, row["total"], checkout_id, at)
            act = f"resolve-{outcome}"
            yield insert_audit(merchant_id, audit_id, by.who, act, checkout_id, reason, at, by.station_id)

        await self._w.sql.write(job)
