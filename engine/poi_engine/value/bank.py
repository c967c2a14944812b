"""The bank's side of transfers: credits booked once, matched to what is awaited, and what a person does of others."""

from collections.abc import Sequence

from msgspec import Struct
from stdnum import bic as bic_rules
from stdnum import iban as iban_rules

from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.settlement import Settlement
from poi_engine.errors import Conflict, NotFound, PoiError, RequestError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.reasons import must_say_why
from poi_engine.settings import read_merchant, write_setting
from poi_engine.value.bank_rows import (
    Awaited,
    BankCredit,
    Credit,
    State,
    assign_credit,
    book_credit,
    list_credits,
    read_awaited,
    set_credit_aside,
)
from poi_engine.value.rules import BankAccount
from poi_engine.value.transfers import NAME
from poi_engine.wiring import Wiring

MAX_CREDITS = 1000
"""Credits in one request."""


class Booked(Struct, frozen=True, kw_only=True):
    """What came of some credits: `known` were told before, `matched` paid something, `open` wait for a person."""

    new: int = 0
    known: int = 0
    matched: int = 0
    open: int = 0


class AwaitedTransfer(Struct, frozen=True, kw_only=True):
    """What a customer is asked to transfer for a session, and to whom."""

    awaited: Awaited
    account: BankAccount
    name: str


class Bank:
    """Credits, and the account they come to."""

    def __init__(self, wiring: Wiring, settlement: Settlement) -> None:
        self._w = wiring
        self._settlement = settlement

    async def account(self, merchant_id: str) -> BankAccount:
        """Where customers transfer to."""
        return (await self._w.sql.read(lambda: read_merchant(merchant_id))).programme.bank

    async def change_account(self, merchant_id: str, account: BankAccount, *, by: Principal) -> BankAccount:
        """Another account; its numbers are checked."""
        checked = checked_account(account)
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "bank", checked)
            yield insert_audit(merchant_id, audit_id, by.who, "change-bank-account", "bank", _in_short(checked), at)

        await self._w.sql.write(job)
        self._w.places.forget()  # counters take transfers, or take none any more
        return checked

    async def book(self, merchant_id: str, credits: Sequence[Credit], *, by: Principal) -> Booked:
        """Keep what the bank tells, each entry once, and end the payments that are paid by it. Who told is audited.

        `Conflict` `credit-differs`, when the others are booked: one that was told otherwise before stops none of them.
        """
        if len(credits) > MAX_CREDITS:
            raise RequestError("too-many-credits", f"At most {MAX_CREDITS} credits at once.", path="$.credits")
        made: list[BankCredit] = []
        refused: Conflict | None = None
        for credit in credits:
            try:
                found = await self._book(merchant_id, credit, by)
            except Conflict as error:
                refused = refused or error
                continue
            made += [found] if found is not None else []
        for one in made:
            if one.state == "matched" and one.payment_id is not None:
                await self._settle(merchant_id, one.payment_id)
        if refused is not None:
            raise refused
        matched = sum(one.state == "matched" for one in made)
        return Booked(new=len(made), known=len(credits) - len(made), matched=matched, open=len(made) - matched)

    async def credits(self, merchant_id: str, state: State, *, limit: int = 50, after: str = "") -> list[BankCredit]:
        """The credits in a state, by the bank's reference."""
        return await self._w.sql.read(lambda: list_credits(merchant_id, state, limit, after))

    async def assign(
        self, merchant_id: str, credit_id: str, payment_id: str, reason: str, *, by: Principal
    ) -> BankCredit:
        """A person says what a credit pays; the payment ends."""
        must_say_why(reason)
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        found = await self._w.sql.write(
            lambda: assign_credit(merchant_id, credit_id, payment_id, reason, by.who, audit_id, at)
        )
        await self._settle(merchant_id, payment_id)
        return found

    async def set_aside(self, merchant_id: str, credit_id: str, reason: str, *, by: Principal) -> BankCredit:
        """A person has dealt with a credit, or with what was to be given back."""
        must_say_why(reason)
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        return await self._w.sql.write(lambda: set_credit_aside(merchant_id, credit_id, reason, by.who, audit_id, at))

    async def awaited(self, merchant_id: str, session_id: str) -> AwaitedTransfer:
        """What the session's customer is asked to transfer. `Conflict` `no-transfer` when nothing is awaited."""
        return await self._w.sql.read(lambda: _awaited_by(merchant_id, session_id))

    async def _book(self, merchant_id: str, credit: Credit, by: Principal) -> BankCredit | None:
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        return await self._w.sql.write(lambda: tell_credit(merchant_id, credit, by.who, audit_id, at, by.station_id))

    async def _settle(self, merchant_id: str, payment_id: str) -> None:
        """End the payment now; whatever prevents it, the next round of recovery does."""
        checkout_id = await self._w.sql.read(lambda: _checkout_of(merchant_id, payment_id))
        try:
            if checkout_id is not None:
                await self._settlement.ask(merchant_id, checkout_id)
        except PoiError:
            return


def tell_credit(
    merchant_id: str, credit: Credit, who: str, audit_id: str, at: int, station_id: str | None = None
) -> Job[BankCredit | None]:
    """Book a credit; who told is audited. None when it was told before."""
    found = yield from book_credit(merchant_id, credit, at)
    if found is not None:
        why = f"{found.amount} {found.currency}, {found.state}"
        yield insert_audit(merchant_id, audit_id, who, "bank-credit-told", found.credit_id, why, at, station_id)
    return found


def _in_short(account: BankAccount) -> str:
    """What the audit says of an account."""
    if account.iban:
        return f"{account.iban[:4]}...{account.iban[-4:]}"
    return f"EMV codes of {account.emv.guid}" if account.emv else "no account"


def checked_account(account: BankAccount) -> BankAccount:
    """The account with its numbers in their plain form."""
    if not account.iban:
        return BankAccount(emv=account.emv)
    if not iban_rules.is_valid(account.iban, check_country=False):
        raise RequestError("bad-iban", "This is not an IBAN: its check digits do not fit.", path="$.iban")
    if account.bic and not bic_rules.is_valid(account.bic):
        raise RequestError("bad-bic", "A BIC has 8 or 11 letters and digits.", path="$.bic")
    if not account.beneficiary.strip():
        raise RequestError("beneficiary-needed", "Say whose account it is, as the bank knows it.", path="$.beneficiary")
    return BankAccount(
        iban=iban_rules.compact(account.iban),
        bic=account.bic.upper(),
        beneficiary=account.beneficiary.strip(),
        emv=account.emv,
    )


def _awaited_by(merchant_id: str, session_id: str) -> Job[AwaitedTransfer]:
    rows = yield Query(
        "select p.payment_id from checkout c join payment p on p.merchant_id = c.merchant_id "
        "and p.checkout_id = c.checkout_id where c.merchant_id = ? and c.session_id = ? and p.connector = ? "
        "and p.state in ('sending', 'unknown') and c.state in ('paying', 'unknown') "
        "order by p.created_at desc limit 1",
        (merchant_id, session_id, NAME),
    )
    awaited = (yield from read_awaited(merchant_id, rows[0]["payment_id"])) if rows else None
    if awaited is None or awaited.state != "awaited":
        raise Conflict("no-transfer", "No transfer is awaited for this session.")
    merchant = yield from read_merchant(merchant_id)
    account = merchant.programme.bank
    return AwaitedTransfer(awaited=awaited, account=account, name=account.beneficiary or merchant.name)


def _checkout_of(merchant_id: str, payment_id: str) -> Job[str | None]:
    rows = yield Query(
        "select p.checkout_id from payment p join checkout c on c.merchant_id = p.merchant_id "
        "and c.checkout_id = p.checkout_id where p.merchant_id = ? and p.payment_id = ? "
        "and p.state in ('sending', 'unknown') and c.state in ('paying', 'unknown')",
        (merchant_id, payment_id),
    )
    if not rows:
        if not (
            yield Query(
                "select 1 as one from payment where merchant_id = ? and payment_id = ?", (merchant_id, payment_id)
            )
        ):
            raise NotFound("payment", payment_id)
        return None
    return str(rows[0]["checkout_id"])
