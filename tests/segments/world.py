"""A merchant's customers as services and sales leave them, and a plain oracle of who is in which segment."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import json

from poi_engine import ledger
from poi_engine.checkout.commit import tier_now
from poi_engine.checkout.entries import Given, Tender
from poi_engine.checkout.records import LineRow, SaleDocument, SaleRow, insert_lines, insert_sale
from poi_engine.clientele.consents import Consents, Proof
from poi_engine.clientele.customers import Customers
from poi_engine.clientele.merge import Merge
from poi_engine.clientele.rows import living
from poi_engine.ids import Ids
from poi_engine.ledger import POINTS, Move
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal
from poi_engine.segments.due import mark_due
from poi_engine.segments.model import All, Bought, Condition, Not, SegmentDraft
from poi_engine.segments.model import Any as AnyOf
from poi_engine.segments.segments import Segments
from poi_engine.settings import read_merchant
from poi_offers import offer_conditions
from tests.engine.shop import FakeClock, M, merchant_rows

OWNER = Principal(merchant_id=M, access_id="acc_owner", role="owner", subject_id="owner")
PARIS = ZoneInfo("Europe/Paris")
GOODS = (
    ("eclair", "maison", "food/pastry", 350),
    ("tarte", "maison", "food/pastry", 1890),
    ("cafe", "", "food/drink", 220),
    ("", "", "", 1000),
)
DAY = 86_400


class World:
    """One process's services over the storage, and the clock."""

    def __init__(self, sql: Sql, clock: FakeClock | None = None) -> None:
        self.sql = sql
        self.clock = clock or FakeClock()
        self.ids = Ids(self.clock.now)
        self.customers = Customers(sql, self.clock, self.ids)
        self.consents = Consents(sql, self.clock, self.ids)
        self.merges = Merge(sql, self.clock, self.ids)
        self.segments = Segments(sql, self.clock, self.ids)
        self._sold = 0

    async def begin(self) -> "World":
        """The merchant."""
        await self.sql.write(merchant_rows)
        return self

    @property
    def at(self) -> int:
        """Now."""
        return round(self.clock.now() * 1_000_000)

    async def add(self, name: str = "Ada", **more: Any) -> str:
        """A new customer's id."""
        return (await self.customers.create(M, name, **more)).customer_id

    async def own(self, conditions: Condition, name: str = "Mine") -> str:
        """A segment of the merchant's own, counted."""
        made = await self.segments.create(M, SegmentDraft(name={"en": name}, conditions=conditions), by=OWNER)
        await self.segments.settle(M)
        return made.segment_id

    async def sell(self, customer_id: str, *codes: str, points: int = 0) -> str:
        """A sale as the engine writes it, as far as segments look at it."""
        goods = [one for code in codes for one in GOODS if one[0] == code] or [GOODS[0]]
        self._sold += 1
        sale_id, at = f"sal_{self._sold:05d}_{id(self)}", self.at
        await self.sql.write(lambda: self._sale(sale_id, customer_id, goods, points, at, 1))
        return sale_id

    async def refund(self, sale_id: str, customer_id: str, code: str) -> None:
        """Bring something back."""
        goods = [one for one in GOODS if one[0] == code]
        at = self.at
        await self.sql.write(lambda: self._sale(f"{sale_id}r", customer_id, goods, 0, at, -1, sale_id))

    def _sale(
        self,
        sale_id: str,
        customer_id: str,
        goods: Sequence[Any],
        points: int,
        at: int,
        sign: int,
        of: str | None = None,
    ) -> Job[None]:
        merchant = yield from read_merchant(M)
        person = yield from living(M, customer_id)
        total = sign * sum(price for *_, price in goods)
        tier = yield from tier_now(merchant, person, total, at)
        yield insert_sale(M, _row(sale_id, customer_id, total, at, of))
        yield insert_lines(M, sale_id, [_line(str(place), one, sign) for place, one in enumerate(goods)])
        if points:
            gives = Move(kind="points", debit=POINTS, credit=f"points:{person.customer_id}", amount=points, unit=POINTS)
            yield from ledger.enter(M, f"chk_{sale_id}", [gives], ids=self.ids, at=at)
        yield Query(
            "update customer set visits = visits + ?, spend = spend + ?, tier = ?, "
            "last_visit_at = case when ? > 0 then ? else last_visit_at end where merchant_id = ? and customer_id = ?",
            (int(sign > 0), total, tier, sign, at, M, person.customer_id),
        )
        yield mark_due(M, person.customer_id, at, sale_id)

    async def objects(self, customer_id: str, objects: bool) -> None:
        """Their word on having their purchases looked at."""
        proof = Proof(version=1, who="seller:sel_1", how="spoken")
        await self.consents.give(M, customer_id, "profiling", not objects, proof)

    async def merge(self, customer_id: str, absorbed: str) -> None:
        """Two records of one person."""
        await self.merges.merge(M, customer_id, absorbed, key=self.ids.new("key"), by=OWNER)

    async def rows(self, text: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """What a statement reads."""

        def job() -> Job[list[dict[str, Any]]]:
            return [dict(row) for row in (yield Query(text, values))]

        return await self.sql.read(job)

    async def members(self) -> dict[str, set[str]]:
        """Who is in which segment, by the rows."""
        found: dict[str, set[str]] = {}
        for row in await self.rows("select segment_id, customer_id from segment_member where merchant_id = ?", (M,)):
            found.setdefault(row["segment_id"], set()).add(row["customer_id"])
        return found

    async def midnight(self, days: int = 1) -> None:
        """A minute past a coming midnight in Paris."""
        now = datetime.fromtimestamp(self.clock.seconds, PARIS)
        day = (now + timedelta(days=days)).date()
        self.clock.seconds = datetime(day.year, day.month, day.day, 0, 1, tzinfo=PARIS).timestamp()


def _row(sale_id: str, customer_id: str, total: int, at: int, refund_of: str | None) -> SaleRow:
    return SaleRow(
        sale_id=sale_id,
        checkout_id=f"chk_{sale_id}",
        store_id="sto_1",
        station_id="sta_1",
        zone="Europe/Paris",
        currency="EUR",
        subtotal=total,
        saved=0,
        total=total,
        points=0,
        receipt_number=1,
        at=at,
        document=SaleDocument(tender=Tender(means="cash", amount=total), given=Given()),
        customer_id=customer_id,
        refund_of=refund_of,
    )


def _line(line_id: str, goods: tuple[str, str, str, int], sign: int) -> LineRow:
    code, brand, category, price = goods
    return LineRow(
        line_id=line_id,
        code=code,
        label=code or "Divers",
        category=category,
        brand=brand,
        quantity=sign * 1000,
        unit="piece",
        unit_price=price,
        vat_rate=550,
        amount=sign * price,
        saved=0,
        total=sign * price,
    )


# --- the oracle ----------------------------------------------------------------------------------------------------


async def oracle(world: World) -> dict[str, set[str]]:
    """Who should be in which segment now, from the rows of sales and customers, by the definitions alone."""
    people = await _people(world)
    today = datetime.fromtimestamp(world.clock.seconds, PARIS).date()
    cuts = _cuts([one for one in people if one["sales"]])
    for one in people:
        one["group"] = _group(one, cuts)
    found: dict[str, set[str]] = {}
    for one in people:
        if one["group"]:
            found.setdefault(f"rfm:{one['group']}", set()).add(one["id"])
    rows = await world.rows("select segment_id, conditions from segment where state <> 'removed'")
    for row in rows:
        tree = json.decode(row["conditions"], type=Condition)
        inside = {one["id"] for one in people if _truth(tree, one, today) is True}
        found |= {row["segment_id"]: inside} if inside else {}
    return found


async def _people(world: World) -> list[dict[str, Any]]:
    """Everybody who lives and does not object, with what they did under any id they had."""
    now = world.clock.seconds * 1_000_000
    customers = await world.rows("select * from customer where merchant_id = ?", (M,))
    heads = {row["customer_id"]: row["merged_into"] or row["customer_id"] for row in customers}
    words = await world.rows("select * from consent where purpose = 'profiling' order by created_at, consent_id")
    last_word = {heads[row["customer_id"]]: row["given"] for row in words}
    sales = await world.rows("select * from sale where merchant_id = ? order by created_at", (M,))
    lines = await world.rows("select * from sale_line where merchant_id = ?", (M,))
    points = {
        row["account"]: row["credits"] - row["debits"] - row["debits_pending"]
        for row in await world.rows("select * from account where merchant_id = ?", (M,))
    }
    people = []
    for row in customers:
        key = row["customer_id"]
        if row["erased_at"] or row["merged_into"] or not last_word.get(key, 1):
            continue
        mine = [sale for sale in sales if heads.get(sale["customer_id"]) == key]
        people.append(
            {
                "id": key,
                "row": row,
                "now": now,
                "sales": [sale for sale in mine if sale["refund_of"] is None],
                "all": mine,
                "lines": lines,
                "points": points.get(f"points:{key}", 0),
                "words": set(json.decode(row["segments"])),
            }
        )
    return people


def _visits(one: dict[str, Any], days: int) -> int:
    return sum(not days or one["now"] - sale["created_at"] <= days * DAY * 1e6 for sale in one["sales"])


def _spend(one: dict[str, Any], days: int) -> int:
    return max(0, sum(s["total"] for s in one["all"] if not days or one["now"] - s["created_at"] <= days * DAY * 1e6))


def _days(one: dict[str, Any]) -> int | None:
    """Midnights in Paris since the last visit."""
    if not one["sales"]:
        return None
    last = max(sale["created_at"] for sale in one["sales"]) / 1e6
    today, then = (datetime.fromtimestamp(at, PARIS).date() for at in (one["now"] / 1e6, last))
    return (today - then).days


def _cuts(came: list[dict[str, Any]]) -> list[list[int]]:
    columns = (
        [_days(one) or 0 for one in came],
        [_visits(one, 365) for one in came],
        [_spend(one, 365) for one in came],
    )
    return [
        [sorted(column)[-(-len(column) * part // 5) - 1] for part in (1, 2, 3, 4)] if came else [] for column in columns
    ]


def _group(one: dict[str, Any], cuts: list[list[int]]) -> str | None:
    days = _days(one)
    if days is None:
        return None
    if _visits(one, 0) == 1 and days <= 30:
        return "new"
    if not cuts[0]:
        return None
    r = 5 - sum(days > cut for cut in cuts[0])
    f = 1 + sum(_visits(one, 365) > cut for cut in cuts[1])
    m = 1 + sum(_spend(one, 365) > cut for cut in cuts[2])
    if r <= 2:
        return "at_risk" if f >= 3 or m >= 3 else "lapsed"
    return "champions" if r >= 4 and f >= 4 and m >= 4 else "loyal" if f >= 3 else "promising"


def _truth(tree: Condition, one: dict[str, Any], today: date) -> bool | None:
    if isinstance(tree, Not):
        truth = _truth(tree.of, one, today)
        return None if truth is None else not truth
    if isinstance(tree, (All, AnyOf)):
        parts = [_truth(part, one, today) for part in tree.of]
        settling = isinstance(tree, AnyOf)
        return settling if settling in parts else None if None in parts else not settling
    return _leaf(tree, one, today)


def _leaf(leaf: Condition, one: dict[str, Any], today: date) -> bool | None:
    row, ever = one["row"], _visits(one, 0)
    if isinstance(leaf, offer_conditions.TierIs):
        return row["tier"] in leaf.any_of
    if isinstance(leaf, offer_conditions.InSegment):
        words = one["words"] | ({f"rfm:{one['group']}"} if one["group"] else set())
        return (not leaf.any_of or bool(words & {*leaf.any_of})) and not words & {*leaf.none_of}
    if isinstance(leaf, offer_conditions.Birthday):
        return _birthday(leaf, row["birthday"], today)
    if isinstance(leaf, offer_conditions.NthVisit):
        return (ever + 1) % leaf.n == 0 if leaf.every else ever + 1 == leaf.n
    if isinstance(leaf, offer_conditions.Recency):
        days = _days(one)
        return None if days is None else _in(days, leaf.min_days, leaf.max_days)
    if isinstance(leaf, offer_conditions.Frequency):
        return _in(_visits(one, leaf.days), leaf.min, leaf.max)
    if isinstance(leaf, offer_conditions.Spend):
        return _in(_spend(one, leaf.days), leaf.min, leaf.max)
    if isinstance(leaf, offer_conditions.FirstPurchase):
        return ever == 0
    if isinstance(leaf, offer_conditions.PointsBalance):
        return _in(one["points"], leaf.min, leaf.max)
    return _bought(leaf, one) if isinstance(leaf, Bought) else None


def _birthday(leaf: offer_conditions.Birthday, text: str | None, today: date) -> bool | None:
    if text is None:
        return None
    born = date.fromisoformat(text)
    for offset in range(-leaf.before, leaf.after + 1):
        day = today - timedelta(days=offset)
        leap = (born.month, born.day) == (2, 29) and not _is_leap(day.year)
        if (day.month, day.day) == ((2, 28) if leap else (born.month, born.day)):
            return True
    return False


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _in(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _bought(leaf: Bought, one: dict[str, Any]) -> bool:
    recent = {s["sale_id"] for s in one["sales"] if one["now"] - s["created_at"] <= leaf.days * DAY * 1e6}
    return any(
        line["code"] in leaf.products
        or line["brand"] in leaf.brands
        or any(f"{line['category']}/".startswith(f"{path}/") for path in leaf.categories)
        for line in one["lines"]
        if line["sale_id"] in recent
    )
