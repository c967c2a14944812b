"""A station as to who is signed in there: the merchant's rule, the person, and what a counter alone may not."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, json

from poi_engine.errors import NotFound
from poi_engine.ports import Job, Query, Row
from poi_engine.staff.rights import RIGHTS, Person, Right

How = Literal["pin", "badge"]


class SignInRule(Struct, frozen=True, kw_only=True):
    """The merchant's rule: whether somebody has to sign in at a station, and after how many idle minutes they are out.

    `sign_out_minutes` None: never by itself.
    """

    sign_in: Literal["optional", "required"] = "optional"
    sign_out_minutes: Annotated[int, Meta(ge=1, le=1440)] | None = 30


class Watch(Struct, frozen=True, kw_only=True):
    """A station as to who is signed in there. Times in microseconds since 1970.

    `bound`: what somebody of the staff may not, or not without a limit; alone the station may not either, else signing
    out would free them of it.
    """

    station_id: str
    rule: SignInRule
    bound: frozenset[Right]
    person: Person | None = None
    how: How = "pin"
    since: int = 0
    seen: int = 0

    @property
    def rights(self) -> frozenset[Right]:
        """What may be done there: the person's rights, or those of the counter alone."""
        if self.person is not None:
            return self.person.rights
        return RIGHTS["station"] - self.bound if self.rule.sign_in == "optional" else frozenset()

    @property
    def ends(self) -> int | None:
        """When idleness signs the person out."""
        minutes = self.rule.sign_out_minutes
        return None if minutes is None or self.person is None else self.seen + minutes * 60_000_000


def read_person(merchant_id: str, seller_id: str) -> Job[Person | None]:
    """A person of the staff, if there is one."""
    rows = yield Query(
        "select seller_id, name, role, active, take_payment, refund_limit, override_limit, close_day from seller"
        " where merchant_id = ? and seller_id = ?",
        (merchant_id, seller_id),
    )
    return person_of(rows[0]) if rows else None


def person_of(row: Row) -> Person:
    """A row of `seller`."""
    return Person(
        seller_id=row["seller_id"],
        name=row["name"],
        role=row["role"],
        active=bool(row["active"]),
        take_payment=bool(row["take_payment"]),
        refund_limit=row["refund_limit"],
        override_limit=row["override_limit"],
        close_day=bool(row["close_day"]),
    )


def read_rule(merchant_id: str) -> Job[SignInRule]:
    """The rule in the merchant's settings; what is not written there has its default."""
    rows = yield Query("select settings from merchant where merchant_id = ?", (merchant_id,))
    if not rows:
        raise NotFound("merchant", merchant_id)
    return _rule_in(rows[0]["settings"])


def _rule_in(settings: str) -> SignInRule:
    return json.decode(settings or "{}", type=SignInRule)


def _somebody(such: str) -> str:
    """SQL: whether somebody active of the station's merchant, seller `x`, is such a one; auditors sign in nowhere."""
    return (
        "exists (select 1 from seller x where x.merchant_id = t.merchant_id and x.active = 1 and x.role <> 'auditor'"
        f" and {such})"
    )


_SELLERS = _somebody("x.role = 'seller'")
_WITHOUT_PAYMENTS = _somebody("x.take_payment = 0")
_WITHIN_LIMITS = _somebody("x.refund_limit is not null")


def read_watch(merchant_id: str, station_id: str) -> Job[Watch]:
    """A station as it stands now; `NotFound` when there is none."""
    rows = yield Query(
        "select m.settings, p.how, p.signed_in_at, p.seen_at, s.seller_id, s.name, s.role, s.active, s.take_payment,"
        f" s.refund_limit, s.override_limit, s.close_day, {_SELLERS} as sellers,"
        f" {_WITHOUT_PAYMENTS} as without_payments, {_WITHIN_LIMITS} as within_limits"
        " from station t join merchant m on m.merchant_id = t.merchant_id"
        " left join station_seller p on p.merchant_id = t.merchant_id and p.station_id = t.station_id"
        " left join seller s on s.merchant_id = p.merchant_id and s.seller_id = p.seller_id and s.active = 1"
        " where t.merchant_id = ? and t.station_id = ?",
        (merchant_id, station_id),
    )
    if not rows:
        raise NotFound("station", station_id)
    row, rule = rows[0], _rule_in(rows[0]["settings"])
    if row["seller_id"] is None:
        return Watch(station_id=station_id, rule=rule, bound=_bound(row))
    return Watch(
        station_id=station_id,
        rule=rule,
        bound=_bound(row),
        person=person_of(row),
        how=row["how"],
        since=row["signed_in_at"],
        seen=row["seen_at"],
    )


def _bound(row: Row) -> frozenset[Right]:
    bound: set[Right] = set()
    if row["sellers"]:
        bound.add("resolve")  # takes a second person
    if row["without_payments"]:
        bound |= {"take_payment", "load_value"}
    if row["within_limits"]:
        bound.add("refund")
    return frozenset(bound)
