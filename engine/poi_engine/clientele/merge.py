"""Two records of one person become one: everything moves to the record that lives on, and nothing is lost or doubled.

Sales, their receipts and checkouts keep the id they were made with; `customer.merged_into` leads from it to the living
record. A payment under way at that moment ends on the absorbed record; what it leaves there follows at once.
"""

from collections.abc import Iterable

from msgspec import Struct, json, msgpack

from poi_engine import ledger
from poi_engine.checkout.commit import OPEN_STATES, count_spend
from poi_engine.checkout.frozen import Claim
from poi_engine.checkout.promise import Key, keep_answer, key_of, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.left import handing_over
from poi_engine.clientele.limit_carry import carry_steps, is_personal
from poi_engine.clientele.personal import move_rows
from poi_engine.clientele.rows import Living, living, marks, must_live, write_words
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound
from poi_engine.ids import Ids
from poi_engine.orders.holds import open_orders_of
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.segments.due import mark_due
from poi_engine.settings import read_merchant

_PAGE = 200


class _Claimed(Struct):
    """The part of a sale's or a checkout's document that names what it takes from limits."""

    claims: tuple[Claim, ...] = ()


class Merge:
    """The service that makes two records one."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def merge(self, merchant_id: str, customer_id: str, absorbed_id: str, *, key: str, by: Principal) -> str:
        """`customer_id` lives on, `absorbed_id` leads to it from now on. Returns the living id; once, if repeated."""
        asked = key_of(by, key, "merge", customer_id, absorbed_id)
        merge_id, at = self._ids.new("mrg"), micros(self._clock.now())

        def job() -> Job[str]:
            before = yield from promise(merchant_id, asked, merge_id, at)
            if before is not None and before.answer is not None:
                return str(msgpack.decode(before.answer, type=str))
            lives = yield from merge_records(merchant_id, customer_id, absorbed_id, merge_id, by, ids=self._ids, at=at)
            yield _kept(merchant_id, asked, lives)
            return lives

        return await self._sql.write(job)


def merge_records(
    merchant_id: str, customer_id: str, absorbed_id: str, merge_id: str, by: Principal, *, ids: Ids, at: int
) -> Job[str]:
    """Everything of `absorbed_id` goes to whom `customer_id` stands for."""
    target = (yield from must_live(merchant_id, customer_id)).customer_id
    if (yield from living(merchant_id, absorbed_id)).customer_id == target:
        if absorbed_id in (customer_id, target):
            raise Conflict("same-customer", "A record cannot be merged with itself.")
        return target
    rows = yield from _lock(merchant_id, target, absorbed_id)
    yield from open_orders_of(merchant_id, (target, absorbed_id))  # locked before any account is
    yield from _point(merchant_id, target, absorbed_id)
    yield from _blend(merchant_id, rows[target], rows[absorbed_id])
    person = yield from living(merchant_id, target)
    steps = yield from handing_over(merchant_id, absorbed_id, target, merge_id)
    steps += yield from carry_steps(merchant_id, person, (yield from _claims_of(merchant_id, person)))
    yield from ledger.change(merchant_id, steps, ids=ids, at=at)
    yield from move_rows(merchant_id, absorbed_id, target)
    merchant = yield from read_merchant(merchant_id)
    yield (yield from count_spend(merchant, person, 0, at))
    yield mark_due(merchant_id, target, at)
    yield insert_audit(merchant_id, ids.new("aud"), by.who, "merge-customers", target, absorbed_id, at)
    return target


def _lock(merchant_id: str, target: str, absorbed_id: str) -> Job[dict[str, Row]]:
    """Both records, locked in the order of their ids: what changes an account of either waits, or has ended."""
    locked = {}
    for customer_id in sorted((target, absorbed_id)):
        rows = yield Query(
            "update customer set absorbed = absorbed where merchant_id = ? and customer_id = ? and erased_at is null "
            "returning customer_id, display_name, pseudonym, language, birthday, segments, visits, spend, "
            "last_visit_at, created_at, merged_into, absorbed",
            (merchant_id, customer_id),
        )
        if not rows:
            raise NotFound("customer", customer_id)
        if rows[0]["merged_into"] is not None:
            raise Conflict("merged-elsewhere", "One of these records was merged with another; look again.")
        locked[customer_id] = rows[0]
    return locked


def _point(merchant_id: str, target: str, absorbed_id: str) -> Job[None]:
    """Every id leads to the living record in one step."""
    for column in ("customer_id", "merged_into"):
        yield Query(
            f"update customer set merged_into = ? where merchant_id = ? and {column} = ?",
            (target, merchant_id, absorbed_id),
        )
    yield Query(
        "update customer set display_name = '', pseudonym = 1, birthday = null, segments = '[]', visits = 0, "
        "spend = 0, absorbed = 0 where merchant_id = ? and customer_id = ?",
        (merchant_id, absorbed_id),
    )


def _blend(merchant_id: str, kept: Row, gone: Row) -> Job[None]:
    """The living record's own word counts; what it does not say, the other one does."""
    name = kept["display_name"] or gone["display_name"]
    segments = sorted({*_listed(kept), *_listed(gone)})
    visits = [row["last_visit_at"] for row in (kept, gone) if row["last_visit_at"] is not None]
    yield Query(
        "update customer set display_name = ?, pseudonym = ?, birthday = ?, segments = ?, visits = visits + ?, "
        "spend = spend + ?, last_visit_at = ?, absorbed = ? where merchant_id = ? and customer_id = ?",
        (
            *(name, int(not name), kept["birthday"] or gone["birthday"], json.encode(segments).decode()),
            *(gone["visits"], gone["spend"], max(visits, default=None)),
            *(kept["absorbed"] + gone["absorbed"] + 1, merchant_id, kept["customer_id"]),
        ),
    )
    yield from write_words(merchant_id, kept["customer_id"], name)


def _claims_of(merchant_id: str, person: Living) -> Job[Iterable[Claim]]:
    """The limits that sales of either record took from, and those that payments without an end hold."""
    claims: dict[str, Claim] = {}
    for customer_id in person.family:
        yield from _collect(merchant_id, customer_id, claims)
        rows = yield Query(
            "select document from checkout where merchant_id = ? and state <> 'paid' "
            f"and state in ({marks(OPEN_STATES)}) and customer_id = ?",
            (merchant_id, *OPEN_STATES, customer_id),
        )
        claims.update(_per_customer(rows))
    return claims.values()


def _collect(merchant_id: str, customer_id: str, claims: dict[str, Claim]) -> Job[None]:
    after = (0, "")
    while True:
        rows = yield Query(
            "select sale_id, document, created_at from sale where merchant_id = ? and customer_id = ? "
            "and (created_at, sale_id) > (?, ?) order by created_at, sale_id limit ?",
            (merchant_id, customer_id, *after, _PAGE),
        )
        claims.update(_per_customer(rows))
        if len(rows) < _PAGE:
            return
        after = (rows[-1]["created_at"], rows[-1]["sale_id"])


def _per_customer(rows: Iterable[Row]) -> dict[str, Claim]:
    found = (claim for row in rows for claim in json.decode(row["document"], type=_Claimed).claims)
    return {claim.key: claim for claim in found if is_personal(claim)}


def _listed(row: Row) -> list[str]:
    return json.decode(row["segments"] or "[]", type=list[str])


def _kept(merchant_id: str, asked: Key, lives: str) -> Query:
    return keep_answer(merchant_id, asked.principal, asked.key, msgpack.encode(lives))
