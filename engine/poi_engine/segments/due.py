"""Whom to judge again, and judging them: which segments they are in, from what is on file now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec import json

from poi_engine.clientele.rows import COLUMNS, Living, marks, person_of
from poi_engine.clock import moment
from poi_engine.ports import Job, Query, Row
from poi_engine.segments import rfm
from poi_engine.segments.model import BUILT_IN, Condition, Rules, bought_word, translate
from poi_engine.segments.people import read_facts_of, read_zone, since, who_objects
from poi_engine.segments.rows import Own, read_cuts, read_own, write_members
from poi_engine.sizes import SIZES, padded, portions
from poi_offers.eligibility import truth_of
from poi_offers.scene import Scene
from poi_offers.selection import category_path
from poi_offers.situation import Basket, CustomerFacts, Place, Situation
from poi_offers.storetime import days_between

_BASKET = Basket(currency="XXX")  # no leaf of a segment looks at one


def mark_due(merchant_id: str, customer_id: str, at: int, sale_id: str = "") -> Query:
    """In the transaction that changes what a customer's segments depend on: they are judged again right after it."""
    return Query(
        "insert into segment_due (merchant_id, customer_id, sale_id, created_at) values (?, ?, ?, ?) "
        "on conflict (merchant_id, customer_id, sale_id) do nothing",
        (merchant_id, customer_id, sale_id, at),
    )


def due_customers(merchant_id: str, after: str, limit: int) -> Job[list[str]]:
    """Those who are due, by id, from the one after `after`."""
    rows = yield Query(
        "select distinct customer_id from segment_due where merchant_id = ? and customer_id > ? "
        "order by customer_id limit ?",
        (merchant_id, after, limit),
    )
    return [row["customer_id"] for row in rows]


class Ground(NamedTuple):
    """What everybody is judged by: the merchant's zone, the day's cuts, and their own segments."""

    zone: str
    cuts: rfm.Cuts
    own: list[Own]


class _Due(NamedTuple):
    """A living customer who is due, their row, and the sales since they were judged last."""

    person: Living
    row: Row
    sale_ids: tuple[str, ...]


def judge(merchant_id: str, customer_ids: Iterable[str], at: int) -> Job[None]:
    """Bring customers who are due up to date, once: of two processes at it, the second finds nothing due."""
    due = yield from _take(merchant_id, tuple(customer_ids), at)
    if not due:
        return
    yield from _note_purchases(merchant_id, due)
    ground = Ground(
        (yield from read_zone(merchant_id)), (yield from read_cuts(merchant_id)), (yield from read_own(merchant_id))
    )
    lives = {known_as: one.person.customer_id for one in due for known_as in one.person.family}
    objecting = yield from who_objects(merchant_id, lives)
    facts = yield from read_facts_of(merchant_id, [one.row for one in due], lives, at)
    wanted: dict[str, set[str]] = {}
    for customer_id, known in facts.items():
        wanted[customer_id] = (
            set() if customer_id in objecting else (yield from belongs(merchant_id, known, ground, at))
        )
    yield from write_members(merchant_id, wanted, at)


def _take(merchant_id: str, customer_ids: Sequence[str], at: int) -> Job[list[_Due]]:
    """Those who are due still, locked; whoever was merged or erased is in no segment."""
    asked = padded(customer_ids)
    known = yield Query(  # others who change these customers wait, or have ended
        f"update customer set absorbed = absorbed where merchant_id = ? and customer_id in ({marks(asked)}) "
        f"returning {COLUMNS}, segments, birthday, spend, last_visit_at",
        (merchant_id, *asked),
    )
    taken = yield Query(
        f"delete from segment_due where merchant_id = ? and customer_id in ({marks(asked)}) "
        "returning customer_id, sale_id",
        (merchant_id, *asked),
    )
    sales = defaultdict[str, list[str]](list)
    for row in taken:
        sales[row["customer_id"]].append(row["sale_id"])
    rows = {row["customer_id"]: row for row in known}
    due, gone = list[_Due](), list[str]()
    for customer_id, sale_ids in sorted(sales.items()):
        found = rows.get(customer_id)
        if found is not None and found["merged_into"] is None and found["erased_at"] is None:
            person = yield from person_of(merchant_id, found)
            due.append(_Due(person, found, tuple(sale_id for sale_id in sale_ids if sale_id)))
            continue
        gone.append(customer_id)
        if found is not None and found["merged_into"] is not None:
            yield from _hand_over(merchant_id, found["merged_into"], sale_ids, at)
    yield from write_members(merchant_id, dict.fromkeys(gone, ()), at)
    return due


def _hand_over(merchant_id: str, target: str, sale_ids: Iterable[str], at: int) -> Job[None]:
    """Who lives on is judged with a merged record's sales."""
    for sale_id in sale_ids:
        yield mark_due(merchant_id, target, at, sale_id)


def belongs(merchant_id: str, facts: CustomerFacts, ground: Ground, at: int) -> Job[set[str]]:
    """The segments that a living customer with these facts is in at `at`."""
    group = group_of(facts, ground.zone, at, ground.cuts)
    carried = (*facts.segments, *((group,) if group else ()))
    found = {group} if group else set()
    for own in ground.own:
        if (yield from _fits(merchant_id, own, facts, carried, ground.zone, at)):
            found.add(own.segment_id)
    return found


def group_of(facts: CustomerFacts, zone: str, at: int, cuts: rfm.Cuts) -> str | None:
    """The built-in segment's id."""
    days = None if facts.last_visit is None else days_between(facts.last_visit, moment(at), zone)
    ever, visits, spend = facts.visits_in[0], facts.visits_in[rfm.DAYS], facts.spend_in[rfm.DAYS]
    group = rfm.group_of(ever, days, visits, spend, cuts)
    return None if group is None else f"{BUILT_IN}{group}"


def scene_of(facts: CustomerFacts, words: tuple[str, ...], zone: str, at: int) -> Scene:
    """The customer alone, under judgement."""
    customer = CustomerFacts(
        customer_id=facts.customer_id,
        tier=facts.tier,
        segments=words,
        birthday=facts.birthday,
        visits_in=facts.visits_in,
        spend_in=facts.spend_in,
        last_visit=facts.last_visit,
        points=facts.points,
    )
    return Scene(Situation(at=moment(at), place=Place(zone=zone), basket=_BASKET, customer=customer))


def _fits(merchant_id: str, own: Own, facts: CustomerFacts, carried: tuple[str, ...], zone: str, at: int) -> Job[bool]:
    rules = rules_of(own.conditions)
    words = list(carried)
    for index, asked in enumerate(rules.bought):
        for kind, values in asked.kinds:
            rows = yield Query(
                "select value from bought where merchant_id = ? and kind = ? "
                f"and value in ({marks(values)}) and customer_id = ? and last_at >= ? limit 1",
                (merchant_id, kind, *values, facts.customer_id, since(asked, at)),
            )
            words += [bought_word(index)] if rows else []
    return truth_of(rules.condition, scene_of(facts, tuple(words), zone, at)) is True


@lru_cache(maxsize=2000)
def rules_of(document: str) -> Rules:
    """The rules of a segment as its row keeps them."""
    return translate(json.decode(document, type=Condition))


def _note_purchases(merchant_id: str, due: Iterable[_Due]) -> Job[None]:
    """What the sales sold, by product, brand and every category above it."""
    buyers = {sale_id: one.person.customer_id for one in due for sale_id in one.sale_ids}
    sale_ids = sorted(buyers)
    for start in range(0, len(sale_ids), SIZES[0]):
        yield from _note_sales(merchant_id, buyers, sale_ids[start : start + SIZES[0]])


def _note_sales(merchant_id: str, buyers: Mapping[str, str], sale_ids: Sequence[str]) -> Job[None]:
    asked = padded(sale_ids)
    rows = yield Query(
        "select s.sale_id, s.created_at, l.code, l.brand, l.category from sale s join sale_line l "
        "on l.merchant_id = s.merchant_id and l.sale_id = s.sale_id "
        f"where s.merchant_id = ? and s.sale_id in ({marks(asked)}) and s.refund_of is null",
        (merchant_id, *asked),
    )
    last: dict[tuple[str, str, str], int] = {}
    for row in rows:
        buyer, at = buyers[row["sale_id"]], row["created_at"]
        for kind, value in _named(row["code"], row["brand"], row["category"]):
            key = (kind, value, buyer)
            if last.get(key, 0) < at:
                last[key] = at
    for some in portions(sorted(last)):
        yield Query(
            "insert into bought (merchant_id, kind, value, customer_id, last_at) values "
            f"{', '.join(['(?, ?, ?, ?, ?)'] * len(some))} on conflict (merchant_id, kind, value, customer_id) "
            "do update set last_at = case when excluded.last_at > bought.last_at then excluded.last_at "
            "else bought.last_at end",
            [value for key in some for value in (merchant_id, *key, last[key])],
        )


@lru_cache(maxsize=4000)
def _named(code: str, brand: str, category: str) -> tuple[tuple[str, str], ...]:
    single = [(kind, value) for kind, value in (("product", code), ("brand", brand)) if value]
    return (*single, *(("category", path) for path in category_path(category)))
