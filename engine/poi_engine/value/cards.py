"""The gift cards' service: made, looked at, loaded and unloaded by tills that take the money themselves, closed."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct, msgpack

from poi_engine import ledger
from poi_engine.checkout.promise import Key, keep_answer, key_of, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.fiscal.pay_backs import begin_pay_back, record_pay_back
from poi_engine.ledger import Insufficient, Move, Transfer
from poi_engine.ports import Job, Query, Row
from poi_engine.principal import Principal
from poi_engine.reasons import must_say_why
from poi_engine.settings import read_merchant
from poi_engine.staff.approvals import Allowance, allow
from poi_engine.value.gift_cards import (
    GiftCard,
    NewGiftCard,
    account_of,
    activate,
    insert_card,
    letters_of,
    lock_card,
    must_be_usable,
    new_code,
    read_card,
    usable,
    view,
)
from poi_engine.wiring import Wiring

BY_TILL = "tender:till"
"""Money that a till took, or gave back, without asking us."""
PaidBack = Literal["cash", "transfer"]


class Moved(Struct, frozen=True, kw_only=True):
    """One change of a gift card: `amount` in minor units, negative when taken off; `balance` after it."""

    operation_id: str
    card_id: str
    amount: int
    balance: int
    currency: str


class GiftCards:
    """Gift cards. Selling one at a counter is a line of a basket: see `value.lines`."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring

    async def issue(self, merchant_id: str, *, by: Principal) -> NewGiftCard:
        """A new card, without a value until it is loaded. Its code is shown this once."""
        code, card_id, audit_id, at = (
            new_code(self._w.ids),
            self._w.ids.new("gft"),
            self._w.ids.new("aud"),
            self._w.at(),
        )

        def job() -> Job[GiftCard]:
            currency = (yield from read_merchant(merchant_id)).currency
            yield insert_card(merchant_id, card_id, code, currency, at)
            yield insert_audit(merchant_id, audit_id, by.who, "gift-card-issued", card_id, "", at, by.station_id)
            return (yield from view(merchant_id, (yield from read_card(merchant_id, card_id))))

        card = await self._w.sql.write(job)
        return NewGiftCard(**{name: getattr(card, name) for name in GiftCard.__struct_fields__}, code=code)

    async def look(self, merchant_id: str, code: str) -> GiftCard:
        """The card with this code, and what is on it."""
        at = self._w.at()

        def job() -> Job[GiftCard]:
            return (yield from view(merchant_id, (yield from usable(merchant_id, code, at, "$.code"))))

        return await self._w.sql.read(job)

    async def get(self, merchant_id: str, card_id: str) -> GiftCard:
        """A card by its id, usable or not."""

        def job() -> Job[GiftCard]:
            return (yield from view(merchant_id, (yield from read_card(merchant_id, card_id))))

        return await self._w.sql.read(job)

    async def load(self, merchant_id: str, code: str, amount: int, *, key: str, by: Principal) -> Moved:
        """A till took `amount` minor units for it; the first load makes the card active. Once, if repeated."""
        asked = key_of(by, key, "gift-card-load", letters_of(code, "$.code"), str(amount))
        return await self._by_code(merchant_id, code, amount, asked, by)

    async def activate(self, merchant_id: str, code: str, amount: int, *, key: str, by: Principal) -> Moved:
        """Load a card for the first time. `Conflict` `already-active` when it was loaded before. Once, if repeated."""
        asked = key_of(by, key, "gift-card-activate", letters_of(code, "$.code"), str(amount))
        return await self._by_code(merchant_id, code, amount, asked, by, must_be_new=True)

    async def unload(
        self,
        merchant_id: str,
        code: str,
        amount: int | None = None,
        *,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> Moved:
        """A till pays out `amount` minor units of it, None: all that is on it, as far as a person may refund alone.
        Once, if repeated."""
        asked = key_of(by, key, "gift-card-unload", letters_of(code, "$.code"), str(amount))
        return await self._by_code(merchant_id, code, None if amount is None else -amount, asked, by, allowance)

    async def reverse(
        self, merchant_id: str, operation_id: str, *, key: str, by: Principal, allowance: Allowance | None = None
    ) -> Moved:
        """Undo a load or an unload of this station, once. `Conflict` `value-spent` when what was loaded is spent."""
        found = allowance or Allowance(who=by.who)
        asked = key_of(by, key, "gift-card-reverse", operation_id)
        once = Key(principal="engine", key=f"reverse:{operation_id}", body_hash=b"reverse")

        def undo(new_id: str, at: int) -> Job[Moved]:
            done = yield from ledger.transfers_of(merchant_id, operation_id)
            if not done or not operation_id.startswith("gfo_"):
                raise NotFound("gift-card operation", operation_id)
            card_id, amount = _undone(done[0])
            if (yield from _made_at(merchant_id, card_id, done[0])) != by.station_id:
                raise NotFound("gift-card operation", operation_id)
            if (yield from promise(merchant_id, once, new_id, at)) is not None:
                raise Conflict("already-reversed", "This load or unload is undone already.")
            card = yield from lock_card(merchant_id, card_id)
            if amount < 0:
                yield from allow(merchant_id, found, "refund", card_id, -amount, new_id, at)
            return (yield from self._move(merchant_id, new_id, card, amount, "reverse", by, at))

        return await self._once(merchant_id, asked, by, undo)

    async def close(
        self,
        merchant_id: str,
        card_id: str,
        paid_back: PaidBack,
        reason: str,
        *,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> Moved:
        """Pay back what is on the card and close it for good; who and why is in the audit.

        Closing it again pays back what came after: a part of a sale that was given up, or a refund.
        """
        asked = key_of(by, key, "gift-card-close", card_id, paid_back, reason)
        must_say_why(reason)

        def shut(new_id: str, at: int) -> Job[Moved]:
            yield from begin_pay_back(merchant_id, by, at)
            card = yield from lock_card(merchant_id, card_id)
            left = (yield from ledger.balance(merchant_id, account_of(card_id))).available
            if card["state"] == "closed" and left == 0:
                raise Conflict("gift-card-closed", f"The gift card ...{card['tail']} is closed.")
            found = allowance or Allowance(who=by.who)
            yield from allow(merchant_id, found, "refund", card_id, left, new_id, at)
            yield Query(
                "update gift_card set state = 'closed', changed_at = ? where merchant_id = ? and card_id = ?",
                (at, merchant_id, card_id),
            )
            made = yield from self._move(merchant_id, new_id, card, -left, "close_out", by, at, f"tender:{paid_back}")
            why = f"{left} {card['currency']} by {paid_back}; {reason}"
            audit_id = self._w.ids.new("aud")
            yield insert_audit(merchant_id, audit_id, by.who, "gift-card-closed", card_id, why, at, by.station_id)
            if left:
                yield from record_pay_back(merchant_id, by, new_id, left, card["currency"], paid_back, at)
            return made

        return await self._once(merchant_id, asked, by, shut)

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _by_code(
        self,
        merchant_id: str,
        code: str,
        amount: int | None,
        asked: Key,
        by: Principal,
        allowance: Allowance | None = None,
        *,
        must_be_new: bool = False,
    ) -> Moved:
        found = allowance or Allowance(who=by.who)
        if amount == 0:
            raise RequestError("bad-amount", "An amount is 1 minor unit or more.", path="$.amount")

        def move(new_id: str, at: int) -> Job[Moved]:
            card_id = (yield from usable(merchant_id, code, at, "$.code"))["card_id"]
            card = must_be_usable((yield from lock_card(merchant_id, card_id)), at)
            if must_be_new and card["state"] != "issued":
                raise Conflict("already-active", "This gift card is active already: load it.")
            held = yield from ledger.balance(merchant_id, account_of(card_id))
            change = -held.available if amount is None else amount
            rules = (yield from read_merchant(merchant_id)).programme.stored_value
            if change > 0 and held.posted + held.coming + change > rules.most:
                raise Conflict("value-limit", f"A wallet or gift card holds at most {rules.most} minor units.")
            if change > 0:
                yield activate(merchant_id, card_id, rules.card_months, at)
            if change < 0:
                yield from allow(merchant_id, found, "refund", card_id, -change, new_id, at)
            kind = "load" if change > 0 else "unload"
            return (yield from self._move(merchant_id, new_id, card, change, kind, by, at))

        return await self._once(merchant_id, asked, by, move)

    def _move(
        self,
        merchant_id: str,
        new_id: str,
        card: Row,
        amount: int,
        kind: str,
        by: Principal,
        at: int,
        other: str = BY_TILL,
    ) -> Job[Moved]:
        """The ledger's entry, if anything moves, and who made it; the card's row is locked."""
        account = account_of(card["card_id"])
        if amount:
            debit, credit = (other, account) if amount > 0 else (account, other)
            move = Move(kind=kind, debit=debit, credit=credit, amount=abs(amount), unit=card["currency"])
            try:
                yield from ledger.enter(merchant_id, new_id, [move], ids=self._w.ids, at=at)
            except Insufficient as short:
                raise Conflict("value-spent", f"The gift card is short of {short.missing} minor units.") from short
            why = f"{amount} {card['currency']}, {new_id}"
            audit_id = self._w.ids.new("aud")
            act = f"gift-card-{kind.replace('_', '-')}"
            yield insert_audit(merchant_id, audit_id, by.who, act, card["card_id"], why, at, by.station_id)
        left = yield from ledger.balance(merchant_id, account)
        return Moved(
            operation_id=new_id,
            card_id=card["card_id"],
            amount=amount,
            balance=left.available,
            currency=card["currency"],
        )

    async def _once(self, merchant_id: str, asked: Key, by: Principal, work: Callable[[str, int], Job[Moved]]) -> Moved:
        """Do it under the key, or give the answer that the key was given before. Not in training."""
        await self._w.places.must_count(merchant_id, by.station_id)
        new_id, at = self._w.ids.new("gfo"), self._w.at()

        def job() -> Job[Moved]:
            before = yield from promise(merchant_id, asked, new_id, at)
            if before is not None and before.answer is not None:
                return msgpack.decode(before.answer, type=Moved)
            made = yield from work(new_id, at)
            yield keep_answer(merchant_id, asked.principal, asked.key, msgpack.encode(made))
            return made

        return await self._w.sql.write(job)


def _undone(done: Transfer) -> tuple[str, int]:
    """The card of an operation, and the amount that undoes it."""
    loaded = done.credit.startswith("gift_card:")
    account = done.credit if loaded else done.debit
    if done.kind not in ("load", "unload"):
        raise Conflict("not-reversible", "Only a load or an unload can be undone.")
    return account.partition(":")[2], -done.amount if loaded else done.amount


def _made_at(merchant_id: str, card_id: str, done: Transfer) -> Job[str | None]:
    """The station of an operation, by its row in the audit."""
    rows = yield Query(
        "select station_id, why from audit where merchant_id = ? and subject_id = ? and created_at = ?",
        (merchant_id, card_id, done.created_at),
    )
    return next((row["station_id"] for row in rows if row["why"].endswith(f", {done.checkout_id}")), None)
