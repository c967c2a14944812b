"""Finding a customer by name, card or id, without handing out the whole list: bounded, counted and audited."""

from typing import NamedTuple

from msgspec import Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.customers import CustomerView, read_customer
from poi_engine.clientele.rows import living
from poi_engine.clientele.words import words_of
from poi_engine.clock import Clock, micros
from poi_engine.errors import NotFound, RequestError
from poi_engine.facts import DAY
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal, Role

_MINUTE = 60_000_000  # microseconds
_CANDIDATES = 400
"""Customers with a word that fits, looked at for the other words."""


class Allowance(NamedTuple):
    """What one credential may ask: letters at least, answers at most, searches in ten minutes and in a day."""

    letters: int
    answers: int
    ten_minutes: int
    day: int


ALLOWED: dict[Role, Allowance] = {
    "owner": Allowance(2, 100, 300, 5000),
    "manager": Allowance(2, 100, 300, 5000),
    "seller": Allowance(3, 10, 30, 300),
    "station": Allowance(3, 10, 60, 1000),
    "partner": Allowance(3, 10, 30, 300),
}
LISTING: frozenset[Role] = frozenset({"owner", "manager"})
"""Who may see the newest customers without searching for one."""


class TooManySearches(RequestError):
    """This credential has searched too often; `seconds` until it may again."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__("too-many-searches", f"This credential has searched too often. Wait {seconds} seconds.")
        self.seconds = seconds


class Search(Struct, frozen=True, kw_only=True):
    """What was found; `more` when the words fit others too: write more of them."""

    items: tuple[CustomerView, ...]
    more: bool


class CustomerSearch:
    """The search's service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def find(self, merchant_id: str, q: str, *, by: Principal, limit: int = 50) -> Search:
        """Customers whose name has words that begin like those of `q`, or whose card, code or id is `q`."""
        allowed = ALLOWED[by.role]
        asked = q.strip()
        _check_length(asked, by.role, allowed)
        search_id, audit_id, at = self._ids.new("sea"), self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[Search]:
            yield from _count(merchant_id, search_id, by.access_id, allowed, at)
            found = yield from _find(merchant_id, asked, min(limit, allowed.answers))
            why = f"{len(asked)} letters, {len(found.items)} found"
            yield insert_audit(merchant_id, audit_id, by.who, "search-customers", "", why, at, by.station_id)
            return found

        return await self._sql.write(job)


def _check_length(asked: str, role: Role, allowed: Allowance) -> None:
    if not asked and role in LISTING:
        return
    if sum(map(len, words_of(asked))) < allowed.letters:
        message = f"Write at least {allowed.letters} letters of the name, or the whole card or code."
        raise RequestError("search-too-short", message, path="$.q")


def _count(merchant_id: str, search_id: str, access_id: str, allowed: Allowance, at: int) -> Job[None]:
    """Count this search with the others of the credential; what is older than a day is forgotten."""
    yield Query(
        "delete from customer_search where merchant_id = ? and access_id = ? and created_at < ?",
        (merchant_id, access_id, at - DAY),
    )
    rows = yield Query(
        "select count(*) as day, coalesce(sum(case when created_at >= ? then 1 else 0 end), 0) as now, "
        "coalesce(min(created_at), 0) as first, "
        "coalesce(min(case when created_at >= ? then created_at end), 0) as first_now "
        "from customer_search where merchant_id = ? and access_id = ?",
        (at - 10 * _MINUTE, at - 10 * _MINUTE, merchant_id, access_id),
    )
    counted = rows[0]
    if counted["day"] >= allowed.day:
        raise TooManySearches(_seconds(counted["first"] + DAY - at))
    if counted["now"] >= allowed.ten_minutes:
        raise TooManySearches(_seconds(counted["first_now"] + 10 * _MINUTE - at))
    yield Query(
        "insert into customer_search (merchant_id, search_id, access_id, created_at) values (?, ?, ?, ?)",
        (merchant_id, search_id, access_id, at),
    )


def _seconds(us: int) -> int:
    return max(1, -(-us // 1_000_000))


def _find(merchant_id: str, asked: str, limit: int) -> Job[Search]:
    exact = yield from _exact(merchant_id, asked)
    named = yield from _named(merchant_id, words_of(asked), limit + 1) if asked else _newest(merchant_id, limit + 1)
    found = list(dict.fromkeys([*exact, *named]))
    views = []
    for customer_id in found[:limit]:
        try:
            views.append((yield from read_customer(merchant_id, customer_id)))
        except NotFound:  # a card of somebody erased in this moment
            continue
    return Search(items=tuple(views), more=len(found) > limit)


def _exact(merchant_id: str, asked: str) -> Job[list[str]]:
    rows: list[Row] = []
    for scheme in ("loyalty", "uid"):
        rows += yield Query(
            "select customer_id from credential where merchant_id = ? and scheme = ? and subject = ?",
            (merchant_id, scheme, asked),
        )
    rows += yield Query(
        "select customer_id from customer where merchant_id = ? and customer_id = ? and erased_at is null",
        (merchant_id, asked),
    )
    found = []
    for row in rows:
        found += [(yield from living(merchant_id, row["customer_id"])).customer_id]
    return found


def _newest(merchant_id: str, limit: int) -> Job[list[str]]:
    """Ids sort by time, so the key itself is the order."""
    rows = yield Query(
        "select customer_id from customer where merchant_id = ? and customer_id > '' and erased_at is null "
        "and merged_into is null order by customer_id desc limit ?",
        (merchant_id, limit),
    )
    return [row["customer_id"] for row in rows]


def _named(merchant_id: str, words: tuple[str, ...], limit: int) -> Job[list[str]]:
    """By the longest word, and of those the ones that have the others too."""
    if not words:
        return []
    longest = max(words, key=len)
    rows = yield Query(
        "select distinct w.customer_id, c.display_name from customer_word w join customer c "
        "on c.merchant_id = w.merchant_id and c.customer_id = w.customer_id "
        "where w.merchant_id = ? and w.word >= ? and w.word < ? limit ?",
        (merchant_id, longest, longest + "\U0010ffff", _CANDIDATES),
    )
    fitting = [row for row in rows if _fits(words, words_of(row["display_name"]))]
    ordered = sorted(fitting, key=lambda row: (row["display_name"].casefold(), row["customer_id"]))
    return [row["customer_id"] for row in ordered[:limit]]


def _fits(asked: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return all(any(word.startswith(one) for word in words) for one in asked)
