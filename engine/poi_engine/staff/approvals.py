"""Four eyes: a second person's consent to one act, good for two minutes and one use, never one's own.

Who consents could do the act alone, and does not stand behind the one who acts: a manager who today made the account,
gave it a PIN or a badge or paired a device for it may well be the one who acts.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, Forbidden, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.staff.pins import Pins
from poi_engine.staff.rights import Acting, Person, Right
from poi_engine.staff.signin import SignIns
from poi_engine.staff.watch import read_person

Act = Literal["refund", "resolve", "confirm_identity", "override"]
SECONDS = 120
WINDOW_US = 24 * 3600 * 1_000_000
"""Over which a seller's own refunds are added up, and in which nobody consents to what they let somebody in for."""
_LET_IN = ("add-seller", "set-pin", "link-badge")


class Approval(Struct, frozen=True, kw_only=True):
    """A consent: `subject_id` is the sale or session, `amount` the most it may move, in minor units."""

    approval_id: str
    act: Act
    subject_id: str
    amount: int
    approver: str
    expires_at: datetime


class Allowance(Struct, frozen=True, kw_only=True):
    """How far the person who acts may go alone, and the consent they bring for more.

    `limit`: minor units within 24 hours, None: without a limit. `needs`: always a second person.
    """

    who: str
    seller_id: str | None = None
    limit: int | None = None
    needs: bool = False
    approval_id: str | None = None


class Approvals:
    """Makes consents; they are used up in the transaction of the act itself."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, pins: Pins, signins: SignIns) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._pins = pins
        self._signins = signins

    async def by_pin(
        self, merchant_id: str, act: Act, subject_id: str, amount: int, seller_id: str, pin: str, *, asked: Acting
    ) -> Approval:
        """A manager beside the seller consents with their PIN to `amount` minor units; never the one who acts."""
        if asked.by.who == f"seller:{seller_id}":
            raise _own()
        stored = await self._pins.prove(merchant_id, seller_id, pin, asked.by)

        def approver() -> Job[str]:
            yield from self._pins.proved(merchant_id, seller_id, stored)
            person = _must_approve((yield from read_person(merchant_id, seller_id)), act)
            yield from _must_have_left(merchant_id, person, act, amount, micros(self._clock.now()))
            yield from _must_be_apart(merchant_id, f"seller:{seller_id}", asked.by.who, micros(self._clock.now()))
            return f"seller:{seller_id}"

        return await self._make(merchant_id, act, subject_id, amount, approver, asked.by.station_id)

    async def by_credential(self, merchant_id: str, act: Act, subject_id: str, amount: int, *, by: Acting) -> Approval:
        """An owner or manager consents from their own device to `amount` minor units, for somebody else to use."""
        if not by.may("approve") or by.by.station_id is not None:
            raise _may_not_approve()

        def approver() -> Job[str]:
            yield from _must_have_left(merchant_id, by.person, act, amount, micros(self._clock.now()))
            return by.by.who

        return await self._make(merchant_id, act, subject_id, amount, approver, None)

    async def _make(
        self,
        merchant_id: str,
        act: Act,
        subject_id: str,
        amount: int,
        approver: Callable[[], Job[str]],
        station_id: str | None,
    ) -> Approval:
        approval_id, audit_id, at = self._ids.new("apr"), self._ids.new("aud"), micros(self._clock.now())
        ends = at + SECONDS * 1_000_000

        def job() -> Job[str]:
            who = yield from approver()
            yield Query(
                "insert into approval (merchant_id, approval_id, act, subject_id, amount, approver, created_at,"
                " expires_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
                (merchant_id, approval_id, act, subject_id, amount, who, at, ends),
            )
            yield insert_audit(
                merchant_id, audit_id, who, f"approve-{act}", subject_id, f"{approval_id} {amount}", at, station_id
            )
            return who

        who = await self._sql.write(job)
        self._signins.forget()
        return Approval(
            approval_id=approval_id,
            act=act,
            subject_id=subject_id,
            amount=amount,
            approver=who,
            expires_at=moment(ends),
        )


def allowance_of(acting: Acting, act: Act, approval_id: str | None) -> Allowance:
    """How far the person who acts may go alone: refunds have a limit, a seller's word on a payment takes two."""
    person, who = acting.person, acting.by.who
    if person is None:
        return Allowance(who=who, approval_id=approval_id)
    if act == "resolve":
        return Allowance(who=who, needs=person.role == "seller", approval_id=approval_id)
    return Allowance(who=who, seller_id=person.seller_id, limit=person.refund_limit, approval_id=approval_id)


def allow(
    merchant_id: str, allowance: Allowance, act: Act, subject_id: str, amount: int, checkout_id: str, at: int
) -> Job[str | None]:
    """Refuse what goes further than the person may alone; returns who consented, if somebody did.

    `amount` in minor units; `checkout_id`: what it is for, if it is not a checkout's, by a name of its own.
    """
    if allowance.approval_id is not None:
        return (yield from _use(merchant_id, allowance, act, subject_id, amount, checkout_id, at))
    if allowance.needs:
        raise Forbidden("approval-needed", "This takes a second person: an owner or a manager.")
    if allowance.limit is not None and allowance.seller_id is not None and amount > 0:
        yield from _count(merchant_id, allowance.seller_id, allowance.limit, amount, checkout_id, at)
    return None


def was_allowed(merchant_id: str, who: str, act: Act, subject_id: str, used_for: str, at: int) -> Job[bool]:
    """Whether this person has used a consent for the very same a moment ago, and what it was for may have been lost."""
    rows = yield Query(
        "select approval_id from approval where merchant_id = ? and subject_id = ? and used_for = ? and act = ?"
        " and used_by = ? and expires_at > ? limit 1",
        (merchant_id, subject_id, used_for, act, who, at),
    )
    return bool(rows)


def give_back(merchant_id: str, checkout_id: str) -> Query:
    """A refund that was declined counts for nothing."""
    return Query("delete from seller_refund where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id))


def _count(merchant_id: str, seller_id: str, limit: int, amount: int, checkout_id: str, at: int) -> Job[None]:
    left = yield from _left(merchant_id, seller_id, limit, at)
    if amount > left:
        message = f"You may still refund {max(left, 0)} alone today; {amount} takes a second person."
        raise Forbidden("approval-needed", message)
    yield _counted(merchant_id, seller_id, amount, checkout_id, at)


def _left(merchant_id: str, seller_id: str, limit: int, at: int) -> Job[int]:
    """What is left of a person's limit; one person's refunds take turns."""
    yield Query("update seller set name = name where merchant_id = ? and seller_id = ?", (merchant_id, seller_id))
    yield Query(  # what is older counts no more
        "delete from seller_refund where merchant_id = ? and seller_id = ? and created_at <= ?",
        (merchant_id, seller_id, at - WINDOW_US),
    )
    rows = yield Query(
        "select coalesce(sum(amount), 0) as n from seller_refund"
        " where merchant_id = ? and seller_id = ? and created_at > ?",
        (merchant_id, seller_id, at - WINDOW_US),
    )
    return limit - int(rows[0]["n"])


def _counted(merchant_id: str, seller_id: str, amount: int, checkout_id: str, at: int) -> Query:
    return Query(
        "insert into seller_refund (merchant_id, checkout_id, seller_id, amount, created_at) values (?, ?, ?, ?, ?)",
        (merchant_id, checkout_id, seller_id, amount, at),
    )


def _must_have_left(merchant_id: str, person: Person | None, act: Act, amount: int, at: int) -> Job[None]:
    """Nobody consents to a refund that they could not make alone."""
    if act != "refund" or person is None or person.refund_limit is None:
        return
    left = yield from _left(merchant_id, person.seller_id, person.refund_limit, at)
    if amount > left:
        message = f"They may still refund {max(left, 0)} alone today; {amount} takes somebody with a higher limit."
        raise Forbidden("approval-limit", message, path="$.amount")


def _must_be_apart(merchant_id: str, approver: str, who: str, at: int) -> Job[None]:
    """Whoever let the acting person in within a day may be acting in their name."""
    seller_id = who.removeprefix("seller:")
    if seller_id == who or not approver.startswith("seller:"):
        return
    rows = yield Query(
        "select audit_id from audit where merchant_id = ? and who = ? and created_at > ?"
        f" and ((subject_id = ? and act in ({', '.join('?' * len(_LET_IN))})) or (act = 'pair' and why = ?)) limit 1",
        (merchant_id, approver, at - WINDOW_US, seller_id, *_LET_IN, f"seller {seller_id}"),
    )
    if rows:
        message = "Whoever gave this person an account, a PIN, a badge or a device today does not consent; ask another."
        raise Forbidden("approval-own", message, path="$.seller_id")


def _use(
    merchant_id: str, allowance: Allowance, act: Act, subject_id: str, amount: int, checkout_id: str, at: int
) -> Job[str]:
    """Use a consent up, once, whoever else tries at the same time."""
    rows = yield Query(
        "update approval set used_by = ?, used_at = ?, used_for = ? where merchant_id = ? and approval_id = ?"
        " and used_at is null returning act, subject_id, amount, approver, expires_at",
        (allowance.who, at, checkout_id, merchant_id, allowance.approval_id),
    )
    if not rows:
        raise (yield from _unusable(merchant_id, allowance.approval_id or ""))
    row = rows[0]
    if row["approver"] == allowance.who:
        raise _own()
    if row["expires_at"] <= at:
        raise RequestError("approval-expired", "This consent has expired; ask again.", status=410)
    if (row["act"], row["subject_id"]) != (act, subject_id) or amount > row["amount"]:
        raise Conflict("approval-differs", "The consent was for something else, or for less.")
    approver = str(row["approver"])
    yield from _must_be_apart(merchant_id, approver, allowance.who, at)
    if approver.startswith("seller:"):
        person = _must_approve((yield from read_person(merchant_id, approver.removeprefix("seller:"))), act)
        yield from _count_for(merchant_id, person, act, amount, checkout_id, at)
    return approver


def _count_for(merchant_id: str, person: Person, act: Act, amount: int, checkout_id: str, at: int) -> Job[None]:
    """A refund counts for the one who consented, if they have a limit."""
    yield from _must_have_left(merchant_id, person, act, amount, at)
    if act == "refund" and amount > 0 and person.refund_limit is not None:
        yield _counted(merchant_id, person.seller_id, amount, checkout_id, at)


def _unusable(merchant_id: str, approval_id: str) -> Job[RequestError]:
    rows = yield Query(
        "select used_at from approval where merchant_id = ? and approval_id = ?", (merchant_id, approval_id)
    )
    if not rows:
        return RequestError("approval-unknown", "There is no such consent.", path="$.approval_id", status=404)
    return Conflict("approval-used", "This consent was used; ask again.")


def _must_approve(person: Person | None, act: Act) -> Person:
    wanted: tuple[Right, Right] = ("approve", act)
    if person is None or not person.active or not person.rights.issuperset(wanted):
        raise _may_not_approve()
    return person


def _may_not_approve() -> Forbidden:
    return Forbidden("may-not-approve", "Only an owner or a manager consents.", path="$.seller_id")


def _own() -> Forbidden:
    return Forbidden("approval-own", "Nobody consents to what they do themselves.", path="$.seller_id")
