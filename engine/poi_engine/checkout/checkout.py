"""From the accepted total to the receipt: reserve, pay, commit; and out of doubt by the terminal's status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext

from msgspec.structs import asdict

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.acceptance import Acceptance
from poi_engine.checkout.accepting import accepted_session, must_be_shown, total_of
from poi_engine.checkout.at_risk import Instead
from poi_engine.checkout.confirmation import ConfirmationNeeded
from poi_engine.checkout.confirmations import Confirmations
from poi_engine.checkout.exercise import exercise_of
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.meal_vouchers import Payable, payable
from poi_engine.checkout.paying import Call, Paying
from poi_engine.checkout.promise import key_of
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.reservation import checkout_of, latest
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.checkout.settlement import Settlement
from poi_engine.checkout.tendering import check_asked
from poi_engine.checkout.under_way import UnderWay
from poi_engine.desk import Desk
from poi_engine.errors import Conflict
from poi_engine.means import Asked, Means
from poi_engine.ports import Job
from poi_engine.principal import Principal
from poi_engine.sales import SaleView
from poi_engine.session import Session, SessionState
from poi_engine.staff.approvals import Allowance
from poi_engine.stations import Stations
from poi_engine.wiring import Wiring

_S = SessionState


class Checkout:
    """Acceptance, payment and refund."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        stations: Stations,
        offers: OfferBook,
        settlement: Settlement,
        under_way: UnderWay,
        refunds: Refunds,
        confirmations: Confirmations,
    ) -> None:
        self._w = wiring
        self._desk = desk
        self._acceptance = Acceptance(wiring, desk, stations, offers)
        self._settlement = settlement
        self._at_terminals = under_way
        self._refunds = refunds
        self._confirmations = confirmations
        self._paying = Paying(wiring, desk, stations, self._acceptance, settlement, under_way, confirmations)
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
            return await self._acceptance.shown(session, accepted_session(session, name))
        accepted = accepted_session(session, checkout_id)
        frozen = await self._acceptance.freeze(accepted, by, at)
        self._w.trace("accept.frozen")
        try:
            await self._acceptance.reserve(session, checkout_id, frozen, at, _alone, "reserved")
        except ConfirmationNeeded as needed:
            await self._confirmations.ask(merchant_id, needed)
            raise
        self._w.trace("accept.reserved")
        return await self._acceptance.shown(session, accepted)

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
            call = Call(merchant_id, session_id, wish, station_id, asked, by, known)
            task = asyncio.create_task(self._paying.pay(call, accepting, hiding))
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
        if await self._at_terminals.is_paying(merchant_id, row["checkout_id"]):
            return await self._desk.load(merchant_id, session_id)
        return await self._settlement.ask(merchant_id, row["checkout_id"])

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
        instead: Instead | None = None,
    ) -> SaleView:
        """Take back a sale, wholly (`lines` None: what is left of it) or in part; see `Refunds.refund`."""
        return await self._refunds.refund(
            merchant_id, sale_id, lines, reason, key=key, by=by, allowance=allowance, instead=instead
        )

    @property
    def refunds(self) -> Refunds:
        """Refunds in doubt."""
        return self._refunds

    async def close(self) -> None:
        """Wait for the payments under way."""
        tasks = [task for _, task in self._under_way.values()]
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)


def _alone(job: Job[Frozen]) -> Job[Frozen]:
    """Nothing else in the transaction."""
    return job
