"""Asking a customer for their word on what they spend: on their phone, or by their own PIN at the counter."""

from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from poi_engine.checkout.confirmation import (
    ConfirmationNeeded,
    How,
    Question,
    answer_question,
    insert_question,
    question_of_customer,
    question_of_session,
)
from poi_engine.checkout.records import insert_audit
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, NotFound, StorageError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.session import Notice, Session, SessionState
from poi_engine.settings import read_merchant, write_setting
from poi_engine.staff.pins import CUSTOMERS, Pins
from poi_engine.wiring import Wiring

_WAITING = frozenset({SessionState.DECIDED, SessionState.DECLINED, SessionState.PAYING})


class Confirmations:
    """The service."""

    def __init__(self, wiring: Wiring, desk: Desk) -> None:
        self._w = wiring
        self._desk = desk
        self._pins = Pins(wiring.sql, wiring.clock, wiring.ids, of=CUSTOMERS)

    # --- the question

    async def ask(self, merchant_id: str, needed: ConfirmationNeeded) -> Question:
        """Ask on the customer's phone; the same question again is the same one."""
        confirmation_id, at = self._w.ids.new("cnf"), self._w.at()
        asked = await self._w.sql.write(lambda: insert_question(merchant_id, confirmation_id, needed, at))
        await self._w.screens.customer_changed(merchant_id, asked.customer_id, "confirm")
        return asked

    async def of_session(self, merchant_id: str, session_id: str) -> Question | None:
        """What the session waits for, and the word if there is one."""
        at = self._w.at()
        return await self._w.sql.read(lambda: question_of_session(merchant_id, session_id, at))

    async def of_customer(self, merchant_id: str, customer_id: str) -> Question | None:
        """What the customer is asked now."""
        at = self._w.at()
        return await self._w.sql.read(lambda: question_of_customer(merchant_id, customer_id, at))

    # --- the answer

    async def answer(self, merchant_id: str, confirmation_id: str, given: bool, *, by: Principal) -> Question:
        """The customer's word from their own phone."""
        job = self._answering(merchant_id, confirmation_id, by.subject_id, given, "phone", by)
        return await self._told(merchant_id, await self._w.sql.write(job))

    async def by_pin(self, merchant_id: str, session_id: str, pin: str, *, by: Principal) -> Question:
        """The customer typed their PIN at the counter."""
        asked = await self.of_session(merchant_id, session_id)
        if asked is None:
            raise Conflict("nothing-asked", "Nothing of this session waits for the customer's word.")
        stored = await self._pins.prove(merchant_id, asked.customer_id, pin, by)
        answering = self._answering(merchant_id, asked.confirmation_id, asked.customer_id, True, "pin", by)

        def job() -> Job[Question]:
            yield from self._pins.proved(merchant_id, asked.customer_id, stored)
            return (yield from answering())

        return await self._told(merchant_id, await self._w.sql.write(job))

    def _answering(
        self, merchant_id: str, confirmation_id: str, customer_id: str, given: bool, how: How, by: Principal
    ) -> Callable[[], Job[Question]]:
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        act = "confirm-spending" if given else "refuse-spending"

        def job() -> Job[Question]:
            question, new = yield from answer_question(merchant_id, confirmation_id, customer_id, given, how, at)
            why = (
                f"{question.amount} in a sale of {question.total} {question.currency}, by {how}; {question.session_id}"
            )
            if new:
                yield insert_audit(merchant_id, audit_id, by.who, act, customer_id, why, at, by.station_id)
            return question

        return job

    async def _told(self, merchant_id: str, question: Question) -> Question:
        """The counter goes on, the phone stops asking. The word is kept already: screens that miss it ask for it."""

        async def step(session: Session) -> Session:
            if session.state not in _WAITING:
                return session
            return replace(session, notice=Notice(code=f"spending-{question.state}"), revision=session.revision + 1)

        with suppress(NotFound, Conflict, StorageError):
            await self._desk.change(merchant_id, question.session_id, step)
        await self._w.screens.customer_changed(merchant_id, question.customer_id, f"spending-{question.state}")
        return question

    # --- the customer's PIN

    async def set_pin(self, merchant_id: str, pin: str, *, by: Principal) -> None:
        """A PIN of the phone's owner; wrong attempts so far are forgotten."""
        hashed, audit_id, at = await self._pins.hashed(pin), self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            yield Query(
                "insert into customer_pin (merchant_id, customer_id, pin) values (?, ?, ?) on conflict (merchant_id, "
                "customer_id) do update set pin = excluded.pin, pin_failures = 0, pin_locked_until = null",
                (merchant_id, by.subject_id, hashed),
            )
            yield insert_audit(merchant_id, audit_id, by.who, "set-pin", by.subject_id, "their own", at)

        await self._w.sql.write(job)

    async def remove_pin(self, merchant_id: str, *, by: Principal) -> None:
        """Only the phone confirms from now on."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            yield Query(
                "delete from customer_pin where merchant_id = ? and customer_id = ?", (merchant_id, by.subject_id)
            )
            yield insert_audit(merchant_id, audit_id, by.who, "remove-pin", by.subject_id, "their own", at)

        await self._w.sql.write(job)

    async def has_pin(self, merchant_id: str, customer_id: str) -> bool:
        """Whether the customer chose a PIN."""

        def job() -> Job[bool]:
            rows = yield Query(
                "select 1 as found from customer_pin where merchant_id = ? and customer_id = ?",
                (merchant_id, customer_id),
            )
            return bool(rows)

        return await self._w.sql.read(job)

    # --- the cap

    async def cap(self, merchant_id: str) -> int | None:
        """What a session spends without the customer's word, minor units; None: as much as they have."""
        return (await self._w.sql.read(lambda: read_merchant(merchant_id))).programme.spend_cap

    async def set_cap(self, merchant_id: str, cap: int | None, *, by: Principal) -> None:
        """Another cap, from the next acceptance on."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        why = "none" if cap is None else str(cap)

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "spend_cap", cap)
            yield insert_audit(merchant_id, audit_id, by.who, "set-spend-cap", merchant_id, why, at)

        await self._w.sql.write(job)
