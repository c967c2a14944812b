"""How long people are kept: whoever did nothing for so many years is erased, or made a pseudonym again."""

from typing import NamedTuple

from msgspec import Struct

from poi_engine.checkout.commit import OPEN_STATES
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.erasure import erase_customer, pseudonymise_customer
from poi_engine.clientele.left import settle_left
from poi_engine.clientele.rows import living, marks
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import NotFound
from poi_engine.facts import DAY
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal
from poi_engine.settings import Retention, read_merchant, write_setting

YEAR = round(365.25 * DAY)  # microseconds
_PAGE = 200
_SHOWN = 200
WHO = "server:retention"


class Due(Struct, frozen=True, kw_only=True):
    """Somebody whose time is over: their last act (an ISO date, UTC), and what would lapse."""

    customer_id: str
    last_act: str
    points: int
    wallet: int


class RetentionReport(Struct, frozen=True, kw_only=True):
    """What a round did, or would do. `items` are the first of them; `skipped` came back in the meantime."""

    dry_run: bool
    years: int
    action: str
    due: int
    done: int
    skipped: int
    items: tuple[Due, ...]


class _Found(NamedTuple):
    customer_id: str
    last_act_at: int


class RetentionJob:
    """The service; `round` is run by the server once a day."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._next: float | None = None

    async def settings(self, merchant_id: str) -> Retention:
        """The merchant's rule."""
        return (await self._sql.read(lambda: read_merchant(merchant_id))).programme.retention

    async def change(self, merchant_id: str, rule: Retention, *, by: Principal) -> Retention:
        """Another rule."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "retention", rule)
            why = f"{rule.years} years, {rule.action}"
            yield insert_audit(merchant_id, audit_id, by.who, "change-retention", "retention", why, at)

        await self._sql.write(job)
        return rule

    async def run(self, merchant_id: str, *, dry_run: bool, who: str = WHO) -> RetentionReport:
        """Everybody whose last act is too long ago, in small transactions: whoever comes back in between stays."""
        rule = await self.settings(merchant_id)
        at = micros(self._clock.now())
        before = at - rule.years * YEAR
        due, done, items, after = 0, 0, list[Due](), ""
        personal = rule.action == "pseudonymise"
        while rule.action != "nothing":
            page = await self._sql.read(lambda after=after: _page(merchant_id, before, after))  # type: ignore[misc]
            found = await self._sql.read(lambda page=page: _without_later_acts(merchant_id, page, before, personal))  # type: ignore[misc]
            due += len(found)
            if len(items) < _SHOWN:
                items += await self._sql.read(lambda found=found: _shown(merchant_id, found[:_SHOWN]))  # type: ignore[misc]
            if not dry_run:
                done += sum([await self._forget(merchant_id, one, rule, before, who) for one in found])
            if len(page) < _PAGE:
                break
            after = page[-1].customer_id
        return RetentionReport(
            dry_run=dry_run,
            years=rule.years,
            action=rule.action,
            due=due,
            done=done,
            skipped=0 if dry_run else due - done,
            items=tuple(items[:_SHOWN]),
        )

    async def round(self) -> None:
        """Once a day: every merchant's rule, carried out."""
        now = self._clock.monotonic()
        if self._next is not None and now < self._next:
            return
        self._next = now + 86_400
        for merchant_id in await self._sql.read(_merchants):
            await self._settle_erased(merchant_id)
            await self.run(merchant_id, dry_run=False)

    async def _settle_erased(self, merchant_id: str) -> None:
        """Whoever was erased by an earlier version of the software still had balances."""
        for customer_id in await self._sql.read(lambda: _erased_with_balances(merchant_id)):
            at = micros(self._clock.now())
            await self._sql.write(
                lambda customer_id=customer_id, at=at: settle_left(merchant_id, customer_id, ids=self._ids, at=at)  # type: ignore[misc]
            )

    async def _forget(self, merchant_id: str, one: _Found, rule: Retention, before: int, who: str) -> bool:
        at = micros(self._clock.now())
        forget = erase_customer if rule.action == "erase" else pseudonymise_customer

        def job() -> Job[bool]:
            yield Query(  # a sale waits here, or is seen below
                "update customer set absorbed = absorbed where merchant_id = ? and customer_id = ?",
                (merchant_id, one.customer_id),
            )
            still = yield from _still(merchant_id, one, before)
            if still:
                yield from forget(merchant_id, one.customer_id, who, ids=self._ids, at=at)
            return still

        try:
            return await self._sql.write(job)
        except NotFound:  # erased by somebody else in the meantime
            return False


_LAST_ACT = "coalesce(last_visit_at, created_at)"


def _page(merchant_id: str, before: int, after: str) -> Job[list[_Found]]:
    """By id, page by page: nobody waits for this."""
    rows = yield Query(
        f"select customer_id, {_LAST_ACT} as last_act_at from customer where merchant_id = ? and customer_id > ? "
        f"and erased_at is null and merged_into is null and {_LAST_ACT} < ? order by customer_id limit ?",
        (merchant_id, after, before, _PAGE),
    )
    return [_Found(row["customer_id"], row["last_act_at"]) for row in rows]


def _without_later_acts(merchant_id: str, page: list[_Found], before: int, personal: bool) -> Job[list[_Found]]:
    """Those who gave no other sign of life; `personal`: only of whom more is kept than a card."""
    found: list[_Found] = []
    for one in page:
        gone = not (yield from _acted_since(merchant_id, one.customer_id, before))
        found += [one] if gone and (not personal or (yield from _is_known(merchant_id, one.customer_id))) else []
    return found


def _still(merchant_id: str, one: _Found, before: int) -> Job[bool]:
    rows = yield Query(
        f"select 1 as found from customer where merchant_id = ? and customer_id = ? and {_LAST_ACT} < ? "
        "and erased_at is null and merged_into is null",
        (merchant_id, one.customer_id, before),
    )
    return bool(rows) and not (yield from _acted_since(merchant_id, one.customer_id, before))


def _acted_since(merchant_id: str, customer_id: str, since: int) -> Job[bool]:
    """A word given, a phone paired, a card linked, an order: an act like a purchase. So is a payment under way."""
    for one in (yield from living(merchant_id, customer_id)).family:
        for table in ("consent", "device", "credential", "orders"):
            rows = yield Query(
                f"select created_at from {table} where merchant_id = ? and customer_id = ? and created_at >= ? limit 1",
                (merchant_id, one, since),
            )
            if rows:
                return True
        rows = yield Query(
            "select 1 as found from checkout where merchant_id = ? and state <> 'paid' "
            f"and state in ({marks(OPEN_STATES)}) and customer_id = ? limit 1",
            (merchant_id, *OPEN_STATES, one),
        )
        if rows:
            return True
    return False


def _is_known(merchant_id: str, customer_id: str) -> Job[bool]:
    rows = yield Query(
        "select 1 as found from customer c where merchant_id = ? and customer_id = ? and (display_name <> '' "
        "or birthday is not null or exists (select 1 from device d where d.merchant_id = c.merchant_id "
        "and d.customer_id = c.customer_id) or exists (select 1 from customer_note n "
        "where n.merchant_id = c.merchant_id and n.customer_id = c.customer_id))",
        (merchant_id, customer_id),
    )
    return bool(rows)


def _shown(merchant_id: str, found: list[_Found]) -> Job[list[Due]]:
    shown = []
    for one in found:
        rows = yield Query(
            "select account, credits - debits - debits_pending as available from account "
            "where merchant_id = ? and account in (?, ?)",
            (merchant_id, f"points:{one.customer_id}", f"wallet:{one.customer_id}"),
        )
        left: dict[str, int] = {row["account"].partition(":")[0]: row["available"] for row in rows}
        shown.append(
            Due(
                customer_id=one.customer_id,
                last_act=moment(one.last_act_at).date().isoformat(),
                points=left.get("points", 0),
                wallet=left.get("wallet", 0),
            )
        )
    return shown


def _erased_with_balances(merchant_id: str) -> Job[list[str]]:
    rows = yield Query(
        "select distinct c.customer_id from customer c join account a on a.merchant_id = c.merchant_id "
        "and a.account in ('points:' || c.customer_id, 'points_owed:' || c.customer_id, 'wallet:' || c.customer_id, "
        "'value_owed:' || c.customer_id) where c.merchant_id = ? and c.erased_at is not null "
        "and a.credits - a.debits - a.debits_pending > 0 limit 10000",
        (merchant_id,),
    )
    return [row["customer_id"] for row in rows]


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by created_at, merchant_id")
    return [row["merchant_id"] for row in rows]
