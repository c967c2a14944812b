"""The rows of segments and of who is in them. Membership is kept with its history: who was in at a moment is known."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from msgspec import json

from poi_engine.clientele.rows import marks
from poi_engine.ports import Job, Query
from poi_engine.segments.rfm import Cuts
from poi_engine.sizes import padded, portions


class Own(NamedTuple):
    """A merchant's own segment as its row keeps it."""

    segment_id: str
    conditions: str
    state: str
    version: int


class Member(NamedTuple):
    """Somebody in a segment."""

    customer_id: str
    display_name: str
    pseudonym: bool
    tier: str
    visits: int
    spend: int
    last_visit_at: int | None


def read_own(merchant_id: str) -> Job[list[Own]]:
    """The merchant's own segments."""
    rows = yield Query(
        "select segment_id, conditions, state, version from segment where merchant_id = ? and state <> 'removed'",
        (merchant_id,),
    )
    return [Own(row["segment_id"], row["conditions"], row["state"], row["version"]) for row in rows]


def read_cuts(merchant_id: str) -> Job[Cuts]:
    """The cut points of the day's fifths; none before the first round."""
    rows = yield Query("select cuts from segment_round where merchant_id = ?", (merchant_id,))
    return json.decode(rows[0]["cuts"], type=Cuts) if rows else Cuts()


def members_of(merchant_id: str, customer_ids: Collection[str]) -> Job[dict[tuple[str, str], int]]:
    """The segments that these customers are in, by segment and customer, and since when."""
    asked = padded(tuple(customer_ids))
    rows = yield Query(
        f"select segment_id, customer_id, since from segment_member where merchant_id = ? "
        f"and customer_id in ({marks(asked)})",
        (merchant_id, *asked),
    )
    return {(row["segment_id"], row["customer_id"]): row["since"] for row in rows}


def write_members(merchant_id: str, wanted: Mapping[str, Collection[str]], at: int) -> Job[None]:
    """Make each customer a member of exactly their wanted segments from `at` on; so many at most as a statement
    takes."""
    if not wanted:
        return
    current = yield from members_of(merchant_id, wanted)
    belong = {(segment_id, customer_id) for customer_id, found in wanted.items() for segment_id in found}
    left = sorted(current.keys() - belong)
    for segment_id, group in groupby(left, key=itemgetter(0)):
        gone = padded([customer_id for _, customer_id in group])
        yield Query(
            f"delete from segment_member where merchant_id = ? and segment_id = ? and customer_id in ({marks(gone)})",
            (merchant_id, segment_id, *gone),
        )
    for some in portions([(*place, current[place], at) for place in left]):
        yield Query(
            f"insert into segment_past (merchant_id, segment_id, customer_id, since, until) values {_rows(some)} "
            "on conflict (merchant_id, segment_id, customer_id, since) do nothing",
            [value for row in some for value in (merchant_id, *row)],
        )
    for joined in portions([(*place, at) for place in sorted(belong - current.keys())]):
        yield Query(
            f"insert into segment_member (merchant_id, segment_id, customer_id, since) values {_rows(joined)} "
            "on conflict (merchant_id, segment_id, customer_id) do nothing",
            [value for row in joined for value in (merchant_id, *row)],
        )


def _rows(rows: Sequence[tuple[str | int, ...]]) -> str:
    """Placeholders for rows that begin with the merchant."""
    row = f"({', '.join('?' * (1 + len(rows[0])))})"
    return ", ".join([row] * len(rows))


def who_carries(merchant_id: str, word: str, at: int) -> Job[list[str]]:
    """Who is in a segment, stays away, or has a coupon that is good at `at`: a word that no person gave by hand."""
    rows = yield Query(
        "select customer_id from segment_member where merchant_id = ? and segment_id = ? union "
        "select customer_id from lapsing where merchant_id = ? and ? = 'auto:lapsing' union "
        "select customer_id from coupon where merchant_id = ? and offer_id = ? and used_at is null "
        "and voided_at is null and expires_at > ?",
        (merchant_id, word, merchant_id, word, merchant_id, word.removeprefix("coupon:"), at),
    )
    return [row["customer_id"] for row in rows if row["customer_id"]]


def members_at(merchant_id: str, segment_ids: Iterable[str], at: int) -> Job[set[str]]:
    """Who was in one of these segments at `at`; of merged records, who lives on."""
    found: set[str] = set()
    for segment_id in segment_ids:
        rows = yield Query(
            "select customer_id from segment_member where merchant_id = ? and segment_id = ? and since <= ? union all "
            "select customer_id from segment_past where merchant_id = ? and segment_id = ? and since <= ? "
            "and until > ?",
            (merchant_id, segment_id, at, merchant_id, segment_id, at, at),
        )
        found.update(row["customer_id"] for row in rows)
    merged = yield from merged_customers(merchant_id)
    return {merged.get(customer_id, customer_id) for customer_id in found}


def merged_customers(merchant_id: str) -> Job[dict[str, str]]:
    """Every merged record's id, and who lives on for it."""
    rows = yield Query(
        "select customer_id, merged_into from customer where merchant_id = ? and merged_into > ''", (merchant_id,)
    )
    return {row["customer_id"]: row["merged_into"] for row in rows}


def size_of(merchant_id: str, segment_id: str) -> Job[int]:
    """How many are in a segment."""
    rows = yield Query(
        "select count(*) as size from segment_member where merchant_id = ? and segment_id = ?",
        (merchant_id, segment_id),
    )
    return int(rows[0]["size"])


def member_ids(merchant_id: str, segment_id: str, after: str, limit: int) -> Job[list[str]]:
    """Members by id, from the one after `after`."""
    rows = yield Query(
        "select customer_id from segment_member where merchant_id = ? and segment_id = ? and customer_id > ? "
        "order by customer_id limit ?",
        (merchant_id, segment_id, after, limit),
    )
    return [row["customer_id"] for row in rows]


def read_members(merchant_id: str, ids: Sequence[str]) -> Job[list[Member]]:
    """What a list shows of members, in the order of their ids."""
    if not ids:
        return []
    rows = yield Query(
        "select customer_id, display_name, pseudonym, tier, visits, spend, last_visit_at from customer "
        f"where merchant_id = ? and customer_id in ({marks(tuple(ids))})",
        (merchant_id, *ids),
    )
    known = {
        row["customer_id"]: Member(
            row["customer_id"],
            row["display_name"],
            bool(row["pseudonym"]),
            row["tier"],
            row["visits"],
            row["spend"],
            row["last_visit_at"],
        )
        for row in rows
    }
    return [known[customer_id] for customer_id in ids if customer_id in known]
