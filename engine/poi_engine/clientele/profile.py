"""A customer at a glance: who they are here, what they like, when they come; from their own rows, never from all."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.consents import ConsentState, read_consents
from poi_engine.clientele.customers import CustomerView, read_customer
from poi_engine.clientele.notes import Note, read_notes
from poi_engine.clientele.rows import Living, marks, must_live
from poi_engine.clock import Clock, micros, moment
from poi_engine.coupons import Coupon, read_coupons
from poi_engine.ids import Ids
from poi_engine.loyalty import next_tier
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.sales import SaleSummary, summaries
from poi_engine.settings import read_merchant

LATEST = 400
"""Sales that favourites and habits are taken from."""
SHOWN = 10


class Favourite(Struct, frozen=True, kw_only=True):
    """A product: how many sales had it, thousandths bought, minor units paid, and when last."""

    code: str
    label: str
    sales: int
    quantity: int
    total: int
    last_at: datetime


class Habit(Struct, frozen=True, kw_only=True):
    """Sales at an hour (0 to 23) of a weekday (1 Monday to 7), in the stores' own time."""

    weekday: int
    hour: int
    sales: int


class Month(Struct, frozen=True, kw_only=True):
    """A calendar month (`2026-11`): sales, and minor units paid, refunds taken off."""

    month: str
    sales: int
    total: int


class Card(Struct, frozen=True, kw_only=True):
    """Something that identifies the customer; of its text only the end is shown."""

    scheme: str
    ending: str
    since: datetime


class Progress(Struct, frozen=True, kw_only=True):
    """The next tier, and the minor units within 365 days that are missing."""

    tier: str
    missing: int


class CustomerProfile(Struct, frozen=True, kw_only=True):
    """Everything a merchant looks at. Habits and favourites come from the latest `considered` sales."""

    customer: CustomerView
    currency: str
    since: datetime
    merged: int
    average: int
    considered: int
    usual_hour: int | None
    usual_weekday: int | None
    favourites: tuple[Favourite, ...]
    habits: tuple[Habit, ...]
    months: tuple[Month, ...]
    sales: tuple[SaleSummary, ...]
    coupons: tuple[Coupon, ...]
    consents: tuple[ConsentState, ...]
    notes: tuple[Note, ...]
    cards: tuple[Card, ...]
    phones: int
    next_tier: Progress | None


class Profiles:
    """The profiles' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def of(self, merchant_id: str, customer_id: str, session_id: str = "", *, by: Principal) -> CustomerProfile:
        """The profile of whom this id stands for; who looked is audited, and at which customer's visit."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            yield insert_audit(
                merchant_id, audit_id, by.who, "view-customer", customer_id, session_id, at, by.station_id
            )

        found = await self._sql.read(lambda: read_profile(merchant_id, customer_id, at))
        await self._sql.write(job)
        return found


def read_profile(merchant_id: str, customer_id: str, at: int) -> Job[CustomerProfile]:
    """The profile at `at` (microseconds since 1970)."""
    person = yield from must_live(merchant_id, customer_id)
    customer = yield from read_customer(merchant_id, person.customer_id)
    merchant = yield from read_merchant(merchant_id)
    sold = yield from _latest(merchant_id, person)
    visits = [row for row in sold if row["refund_of"] is None]
    since = yield Query(
        "select created_at from customer where merchant_id = ? and customer_id = ?", (merchant_id, person.customer_id)
    )
    above = next_tier(_year(sold, at), merchant.programme.tiers)
    return CustomerProfile(
        customer=customer,
        currency=merchant.currency,
        since=moment(since[0]["created_at"]),
        merged=len(person.absorbed),
        average=sum(row["total"] for row in visits) // len(visits) if visits else 0,
        considered=len(visits),
        usual_hour=_most(row["local_hour"] for row in visits),
        usual_weekday=_most(row["local_weekday"] for row in visits),
        favourites=(yield from _favourites(merchant_id, tuple(row["sale_id"] for row in sold))),
        habits=_habits(visits),
        months=_months(sold),
        sales=(yield from summaries(merchant_id, [row["sale_id"] for row in sold[:SHOWN]])),
        coupons=(yield from read_coupons(merchant_id, person.customer_id, at)),
        consents=(yield from read_consents(merchant_id, person.customer_id)),
        notes=(yield from read_notes(merchant_id, person.customer_id)),
        cards=(yield from read_cards(merchant_id, person)),
        phones=(yield from _phones(merchant_id, person)),
        next_tier=Progress(tier=above[0].name, missing=above[1]) if above else None,
    )


def read_cards(merchant_id: str, person: Living) -> Job[tuple[Card, ...]]:
    """What identifies the customer, oldest first."""
    rows = yield Query(
        f"select scheme, subject, created_at from credential where merchant_id = ? "
        f"and customer_id in ({marks(person.family)})",
        (merchant_id, *person.family),
    )
    ordered = sorted(rows, key=lambda row: (row["created_at"], row["subject"]))
    return tuple(
        Card(scheme=row["scheme"], ending=row["subject"][-4:], since=moment(row["created_at"])) for row in ordered
    )


def _latest(merchant_id: str, person: Living) -> Job[list[Row]]:
    """Record by record: asked for several at once, the planner walks all sales by their day."""
    rows: list[Row] = []
    for known_as in person.family:
        rows += yield Query(
            "select sale_id, refund_of, total, local_day, local_hour, local_weekday, created_at from sale "
            "where merchant_id = ? and customer_id = ? order by created_at desc, sale_id desc limit ?",
            (merchant_id, known_as, LATEST),
        )
    return sorted(rows, key=lambda row: (row["created_at"], row["sale_id"]), reverse=True)[:LATEST]


def _favourites(merchant_id: str, sale_ids: tuple[str, ...]) -> Job[tuple[Favourite, ...]]:
    if not sale_ids:
        return ()
    rows = yield Query(
        "select l.code as code, max(l.label) as label, cast(sum(l.quantity) as bigint) as quantity, "
        "cast(sum(l.total) as bigint) as total, max(s.created_at) as last_at, "
        "cast(sum(case when s.refund_of is null then 1 else 0 end) as bigint) as sales "
        "from sale s join sale_line l on l.merchant_id = s.merchant_id and l.sale_id = s.sale_id "
        f"where s.merchant_id = ? and s.sale_id in ({marks(sale_ids)}) and l.code <> '' "
        "group by l.code having sum(l.quantity) > 0",
        (merchant_id, *sale_ids),
    )
    ordered = sorted(rows, key=lambda row: (-row["sales"], -row["total"], row["code"]))
    return tuple(
        Favourite(
            code=row["code"],
            label=row["label"],
            sales=row["sales"],
            quantity=row["quantity"],
            total=row["total"],
            last_at=moment(row["last_at"]),
        )
        for row in ordered[:SHOWN]
    )


def _phones(merchant_id: str, person: Living) -> Job[int]:
    rows = yield Query(
        f"select count(*) as phones from device where merchant_id = ? and customer_id in ({marks(person.family)}) "
        "and revoked_at is null",
        (merchant_id, *person.family),
    )
    return int(rows[0]["phones"])


def _most(values: Iterable[int]) -> int | None:
    counted = Counter(values)
    return min(counted, key=lambda value: (-counted[value], value)) if counted else None


def _habits(visits: list[Row]) -> tuple[Habit, ...]:
    counted = Counter((row["local_weekday"], row["local_hour"]) for row in visits)
    return tuple(Habit(weekday=day, hour=hour, sales=sales) for (day, hour), sales in sorted(counted.items()))


def _months(sold: list[Row]) -> tuple[Month, ...]:
    totals: Counter[str] = Counter()
    sales: Counter[str] = Counter()
    for row in sold:
        month = row["local_day"][:7]
        totals[month] += row["total"]
        sales[month] += row["refund_of"] is None
    return tuple(Month(month=month, sales=sales[month], total=totals[month]) for month in sorted(totals)[-12:])


def _year(sold: list[Row], at: int) -> int:
    return sum(row["total"] for row in sold if row["created_at"] > at - 365 * 86_400_000_000)
