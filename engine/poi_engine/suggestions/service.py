"""The suggestions' service: computed every night and on demand, kept, taken up or put aside.

A round belongs to one process: it holds a lease, which another takes over when it ends. What a round no longer finds is
gone; what was put aside or used comes back after `AGAIN_DAYS`, if it still holds then.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median

from msgspec import Struct, json

from poi_engine.campaigns.model import CampaignDraft
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, NotFound, PoiError
from poi_engine.facts import DAY
from poi_engine.ids import Ids
from poi_engine.insights.rollup import settle
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.suggestions import model, reads
from poi_engine.suggestions.model import Found, Suggestion
from poi_engine.suggestions.pairs import Together
from poi_engine.suggestions.quiet import quiet_hours
from poi_offers.offer_conditions import All, Any, Birthday, Condition, Not
from poi_offers.storetime import wall_clock, zone

_log = logging.getLogger(__name__)

NIGHT = timedelta(hours=3)
"""A round's day begins at three o'clock at the merchant's first store."""
LEASE = 600_000_000  # microseconds
AGAIN_DAYS = 90
LEAST_PEOPLE = 3
"""Fewer customers are not suggested: a count must not tell of one of them."""
_TOGETHER, _COMPANIONS, _BEST, _QUIET, _STORES = 5, 3, 10, 3, 20
_SEARCHED = 2000
"""Live offers that are looked through for one about birthdays."""


class SuggestionList(Struct, frozen=True, kw_only=True):
    """The open suggestions, and when they were computed."""

    items: tuple[Suggestion, ...]
    computed_at: datetime | None = None


class Suggestions:
    """The service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, offers: OfferBook) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._offers = offers
        self._runner = ids.new("run")
        self._task: asyncio.Task[None] | None = None

    async def list(self, merchant_id: str) -> SuggestionList:
        """What there is to decide on."""
        return await self._sql.read(lambda: _list(merchant_id))

    async def dismiss(self, merchant_id: str, suggestion_id: str, *, by: Principal) -> None:
        """Put it aside."""
        audit_id, at = self._ids.new("aud"), self._at()

        def job() -> Job[None]:
            rows = yield Query(
                "update suggestion set state = 'dismissed', changed_at = ? where merchant_id = ? "
                "and suggestion_id = ? and state = 'open' returning kind",
                (at, merchant_id, suggestion_id),
            )
            if not rows:
                raise NotFound("suggestion", suggestion_id)
            yield insert_audit(merchant_id, audit_id, by.who, "dismiss-suggestion", suggestion_id, rows[0]["kind"], at)

        await self._sql.write(job)

    async def compute(self, merchant_id: str) -> SuggestionList:
        """Compute them now."""
        if not await self._sql.write(lambda: _lease(merchant_id, self._runner, self._at())):
            raise Conflict("suggestions-under-way", "They are being computed: look again in a moment.")
        await self._run(merchant_id)
        return await self.list(merchant_id)

    def start_due(self) -> None:
        """Compute in the background what the new day asks for."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._due(), name="suggestions")

    async def close(self) -> None:
        """End what runs in the background."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _due(self) -> None:
        try:
            for merchant_id, day in await self._sql.read(lambda: _merchants_due(moment(self._at()))):
                lease = lambda m=merchant_id, d=day: _lease(m, self._runner, self._at(), d)  # noqa: E731
                if await self._sql.write(lease):
                    await self._run(merchant_id)
        except PoiError as error:  # storage away: the next round finds it again
            _log.warning("suggestions: %s", error.code)
        except Exception:  # a fault of ours must not take the server with it
            _log.exception("suggestions failed")

    async def _run(self, merchant_id: str) -> None:
        at = self._at()
        await settle(self._sql, merchant_id)
        places = await self._sql.read(lambda: reads.stores(merchant_id))
        name = str(places[0]["zone"]) if places else "UTC"
        today = await asyncio.to_thread(lambda: wall_clock(moment(at), name).date())
        language = (await self._offers.merchant(merchant_id)).language
        found = [
            *await self._products(merchant_id, at, today, language),
            *await self._quiet(merchant_id, places, today, language),
            *await self._people(merchant_id, at, today, language),
        ]
        day = (wall_clock(moment(at), name) - NIGHT).date().isoformat()
        await self._sql.write(lambda: _keep(merchant_id, found, self._ids, self._runner, day, self._at()))

    async def _products(self, merchant_id: str, at: int, today: date, language: str) -> Sequence[Found]:
        baskets, labels = await reads.baskets(self._sql, merchant_id, at)
        counted = await asyncio.to_thread(Together, baskets)
        pairs = (await asyncio.to_thread(counted.pairs))[: 10 * _TOGETHER]
        best = sorted(counted.counts, key=lambda code: (-counted.counts[code], code))[:_BEST]
        besides = {frozenset((pair.first, pair.second)) for pair in pairs}
        companions = [(place, code, counted.companion(code, besides=besides)) for place, code in enumerate(best, 1)]
        codes = {code for pair in pairs for code in (pair.first, pair.second)}
        codes |= {code for _, _, pair in companions if pair for code in (pair.first, pair.second)}
        sold = await self._sql.read(lambda: reads.on_sale(merchant_id, sorted(codes)))
        labels |= sold
        found = [
            model.together(pair, labels, today, language)
            for pair in pairs
            if pair.first in sold and pair.second in sold
        ][:_TOGETHER]
        beside = [
            model.companion(pair, code, counted.alone[code], place, labels, today, language)
            for place, code, pair in companions
            if pair is not None and pair.first in sold and pair.second in sold
        ]
        return [*found, *beside[:_COMPANIONS]]

    async def _quiet(self, merchant_id: str, places: Sequence[Row], today: date, language: str) -> Sequence[Found]:
        found: list[Found] = []
        for place in places[:_STORES]:
            store_id, name = str(place["store_id"]), str(place["name"])
            hours, weeks = await self._sql.read(lambda s=store_id: reads.hours(merchant_id, s, today))  # type: ignore[misc]
            windows = quiet_hours(hours, weeks)[:_QUIET]
            found += [model.quiet(one, store_id, name, len(places) == 1, today, language) for one in windows]
        return sorted(found, key=lambda one: -one.weight)[: 2 * _QUIET]

    async def _people(self, merchant_id: str, at: int, today: date, language: str) -> Sequence[Found]:
        found: list[Found] = []
        away = await reads.lapsing_customers(self._sql, merchant_id, at, today)
        await self._mark(merchant_id, away, at)
        if len(away) >= LEAST_PEOPLE:
            found.append(model.lapsing(len(away), round(median(away.values())), today, language))
        born = await self._sql.read(lambda: reads.birthdays_in(merchant_id, today.month))
        if born >= LEAST_PEOPLE and not await self._has_birthday_offer(merchant_id):
            found.append(model.birthdays(born, today, language))
        return found

    async def _mark(self, merchant_id: str, away: dict[str, int], at: int) -> None:
        """Let those who stay away be known as such, and nobody else."""
        known = {str(row["customer_id"]) for row in await self._sql.read(lambda: _known_away(merchant_id))}
        for gone in _some(sorted(known - away.keys())):
            await self._sql.write(lambda gone=gone: _unmark(merchant_id, gone))  # type: ignore[misc]
        for new in _some(sorted(away.keys() - known)):
            await self._sql.write(lambda new=new: _mark(merchant_id, new, away, at))  # type: ignore[misc]

    async def _has_birthday_offer(self, merchant_id: str) -> bool:
        catalogue = await self._offers.catalogue(merchant_id)
        if len(catalogue) > _SEARCHED:
            return False
        return await asyncio.to_thread(lambda: any(_asks_birthday(one.conditions) for one in catalogue.offers()))

    def _at(self) -> int:
        return micros(self._clock.now())


def _asks_birthday(condition: Condition) -> bool:
    if isinstance(condition, Not):
        return False
    if isinstance(condition, (All, Any)):
        return any(_asks_birthday(part) for part in condition.of)
    return isinstance(condition, Birthday)


def _some(ids: Sequence[str], size: int = 500) -> list[tuple[str, ...]]:
    return [tuple(ids[start : start + size]) for start in range(0, len(ids), size)]


# --- rows ----------------------------------------------------------------------------------------------------------


class _Document(Struct, frozen=True):
    figures: dict[str, object]
    draft: CampaignDraft


_DOCUMENT = json.Decoder(_Document)


def _list(merchant_id: str) -> Job[SuggestionList]:
    rows = yield Query(
        "select suggestion_id, kind, state, document, weight, created_at, changed_at from suggestion "
        "where merchant_id = ? and state = 'open'",
        (merchant_id,),
    )
    rounds = yield Query("select computed_at from suggestion_round where merchant_id = ?", (merchant_id,))
    at = rounds[0]["computed_at"] if rounds else None
    items = sorted(map(_view, rows), key=lambda one: (-one.weight, one.suggestion_id))
    return SuggestionList(items=tuple(items), computed_at=None if at is None else moment(at))


def _view(row: Row) -> Suggestion:
    document = _DOCUMENT.decode(row["document"])
    return Suggestion(
        suggestion_id=row["suggestion_id"],
        kind=row["kind"],
        state=row["state"],
        figures=document.figures,
        draft=document.draft,
        weight=row["weight"],
        created_at=moment(row["created_at"]),
        changed_at=moment(row["changed_at"]),
    )


def _merchants_due(now: datetime) -> Job[list[tuple[str, str]]]:
    rows = yield Query(
        "select m.merchant_id, r.day, (select min(s.store_id) from store s where s.merchant_id = m.merchant_id) "
        "as store_id from merchant m left join suggestion_round r on r.merchant_id = m.merchant_id "
        "order by m.merchant_id"
    )
    due = []
    for row in rows:
        place = yield Query(
            "select zone from store where merchant_id = ? and store_id = ?", (row["merchant_id"], row["store_id"])
        )
        name = str(place[0]["zone"]) if place else "UTC"
        zone(name)
        day = (wall_clock(now, name) - NIGHT).date().isoformat()
        due += [(str(row["merchant_id"]), day)] if row["day"] != day else []
    return due


def _lease(merchant_id: str, runner: str, at: int, day: str | None = None) -> Job[bool]:
    """Take the merchant's round; of a `day`, only if nobody has done it."""
    rows = yield Query(
        "insert into suggestion_round (merchant_id, day, runner, until) values (?, '', ?, ?) "
        "on conflict (merchant_id) do update set runner = excluded.runner, until = excluded.until "
        "where suggestion_round.until < ? and suggestion_round.day <> ? returning runner",
        (merchant_id, runner, at + LEASE, at, day or "-"),
    )
    return bool(rows)


def _keep(merchant_id: str, found: Sequence[Found], ids: Ids, runner: str, day: str, at: int) -> Job[None]:
    mine = yield Query(
        "update suggestion_round set day = ?, until = 0, computed_at = ? where merchant_id = ? and runner = ? "
        "and until > 0 returning runner",
        (day, at, merchant_id, runner),
    )
    if not mine:  # it took so long that another process has taken over
        return
    rows = yield Query(
        "select suggestion_id, kind, subject, state, changed_at from suggestion where merchant_id = ?", (merchant_id,)
    )
    known = {(row["kind"], row["subject"]): row for row in rows}
    for one in found:
        yield _put(merchant_id, one, known.get((one.kind, one.subject)), ids, at)
    kept = {(one.kind, one.subject) for one in found}
    for key, row in known.items():
        if key not in kept and row["state"] == "open":
            yield Query(
                "update suggestion set state = 'gone', changed_at = ? where merchant_id = ? and suggestion_id = ?",
                (at, merchant_id, row["suggestion_id"]),
            )


def _put(merchant_id: str, one: Found, row: Row | None, ids: Ids, at: int) -> Query:
    document = json.encode(_Document(one.figures, one.draft)).decode()
    if row is None:
        return Query(
            "insert into suggestion (merchant_id, suggestion_id, kind, subject, state, document, weight, created_at, "
            "changed_at) values (?, ?, ?, ?, 'open', ?, ?, ?, ?)",
            (merchant_id, ids.new("sug"), one.kind, one.subject, document, one.weight, at, at),
        )
    put_aside = row["state"] in ("dismissed", "used") and row["changed_at"] > at - AGAIN_DAYS * DAY
    state, changed = (row["state"], row["changed_at"]) if put_aside else ("open", at)
    return Query(
        "update suggestion set state = ?, document = ?, weight = ?, changed_at = ? where merchant_id = ? "
        "and suggestion_id = ?",
        (state, document, one.weight, changed, merchant_id, row["suggestion_id"]),
    )


def _known_away(merchant_id: str) -> Job[Sequence[Row]]:
    return (yield Query("select customer_id from lapsing where merchant_id = ?", (merchant_id,)))


def _unmark(merchant_id: str, people: tuple[str, ...]) -> Job[None]:
    marks = ", ".join("?" * len(people))
    yield Query(f"delete from lapsing where merchant_id = ? and customer_id in ({marks})", (merchant_id, *people))


def _mark(merchant_id: str, people: tuple[str, ...], away: dict[str, int], at: int) -> Job[None]:
    values = [value for one in people for value in (merchant_id, one, away[one], at)]
    yield Query(
        "insert into lapsing (merchant_id, customer_id, usual_days, since) values "
        + ", ".join(["(?, ?, ?, ?)"] * len(people))
        + " on conflict (merchant_id, customer_id) do nothing",
        values,
    )
