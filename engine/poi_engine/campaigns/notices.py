"""Telling customers of an offer on their phones: whom it would reach, the sending, and what became of it.

It concerns whoever may have the offer by what is on file (conditions, audience, holdout, limits), agrees to
notifications, and was told of no offer lately. The messages are rows before they leave (`notice_rows`); a server sends
them, and goes on after a crash.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from poi_engine.campaigns import notice_rows as rows
from poi_engine.campaigns.notice_rows import Delivery, Moment, Notice, Result, sort_out
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.ids import Ids
from poi_engine.ports import Job, Sql
from poi_engine.principal import Principal
from poi_engine.segments.people import read_zone
from poi_engine.segments.segments import Segments
from poi_engine.settings import NoticeRule, read_merchant, write_setting
from poi_offers.holdout import held_out
from poi_offers.model import Offer

_PAGE = 400
_HOUR = 3_600_000_000


class NoticeView(Struct, frozen=True, kw_only=True):
    """A sending. Of its `phones`: `waiting` (to be sent, or under way), `sent`, `failed`, `gone` (the browser left),
    `withdrawn` (the customer no longer agrees, or the offer has ended).
    """

    notice_id: str
    offer_id: str
    state: Literal["gathering", "sending", "done"]
    phones: int
    waiting: int
    sent: int
    failed: int
    gone: int
    withdrawn: int
    created_at: datetime
    finished_at: datetime | None = None


class Reach(Struct, frozen=True, kw_only=True):
    """Whom a sending would reach now: `customers` on `phones`. The others of the `audience`, who may have the offer, do
    not agree (`no_consent`), have no phone that listens (`no_phone`), or were told of an offer within `hours`.
    """

    offer_id: str
    audience: int
    customers: int
    phones: int
    no_consent: int
    no_phone: int
    heard_lately: int
    hours: int
    last: NoticeView | None = None


class Notices:
    """The service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, offers: OfferBook, segments: Segments) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._offers = offers
        self._segments = segments

    async def rule(self, merchant_id: str) -> NoticeRule:
        """How often a customer is told of offers."""
        return (await self._sql.read(lambda: read_merchant(merchant_id))).programme.notices

    async def change_rule(self, merchant_id: str, rule: NoticeRule, *, by: Principal) -> NoticeRule:
        """Another rule, for what is sent from now on."""
        audit_id, at = self._ids.new("aud"), self._at()

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "notices", rule)
            why = f"every {rule.hours} hours at most"
            yield insert_audit(merchant_id, audit_id, by.who, "change-notices", "notices", why, at)

        await self._sql.write(job)
        return rule

    async def reach(self, merchant_id: str, offer_id: str) -> Reach:
        """Whom it would reach if it were sent now."""
        offer = await self._live(merchant_id, offer_id)
        audience, rule = await self._audience(merchant_id, offer), await self.rule(merchant_id)
        now = await self._now(merchant_id, rule)
        counted = dict.fromkeys(("used_up", "no_consent", "no_phone", "heard_lately", "phones", "customers"), 0)
        for page in _pages(audience):
            found = await self._sql.read(lambda page=page: sort_out(merchant_id, offer, page, now))  # type: ignore[misc]
            for name in ("used_up", "no_consent", "no_phone", "heard_lately"):
                counted[name] += len(getattr(found, name))
            counted["customers"] += len(found.phones)
            counted["phones"] += sum(map(len, found.phones.values()))
        newest = await self._sql.read(lambda: rows.latest(merchant_id, offer_id))
        last = None if newest is None else await self.get(merchant_id, newest)
        used_up = counted.pop("used_up")
        return Reach(offer_id=offer_id, audience=len(audience) - used_up, hours=rule.hours, last=last, **counted)

    async def send(self, merchant_id: str, offer_id: str, key: str, *, by: Principal) -> NoticeView:
        """Begin to tell of a live offer; the same key again answers with the sending that it began."""
        notice_id, audit_id, at = self._ids.new("ntc"), self._ids.new("aud"), self._at()
        await self._live(merchant_id, offer_id)

        def job() -> Job[str]:
            if (yield from rows.begin(merchant_id, notice_id, offer_id, key, by.who, at)):
                yield insert_audit(merchant_id, audit_id, by.who, "notify-offer", offer_id, notice_id, at)
            begun = yield from rows.by_key(merchant_id, key)
            if begun is None or begun["offer_id"] != offer_id:
                message = "This key was used to tell of another offer."
                raise Conflict("idempotency-mismatch", message, status=422)
            return str(begun["notice_id"])

        return await self.get(merchant_id, await self._sql.write(job))

    async def get(self, merchant_id: str, notice_id: str) -> NoticeView:
        """A sending as it stands."""

        def job() -> Job[NoticeView]:
            row = yield from rows.read_row(merchant_id, notice_id)
            states = yield from rows.count_states(merchant_id, notice_id)
            return NoticeView(
                notice_id=notice_id,
                offer_id=row["offer_id"],
                state=row["state"],
                phones=sum(states.values()),
                waiting=states.get("waiting", 0) + states.get("sending", 0),
                **{name: states.get(name, 0) for name in ("sent", "failed", "gone", "withdrawn")},
                created_at=moment(row["created_at"]),
                finished_at=None if row["finished_at"] is None else moment(row["finished_at"]),
            )

        return await self._sql.read(job)

    # --- for who sends ---------------------------------------------------------------------------------------------

    async def open(self) -> list[Notice]:
        """The sendings that are not done."""
        return await self._sql.read(rows.open_notices)

    async def offer_of(self, notice: Notice) -> Offer | None:
        """The offer to tell of; None when it is no longer live, and then nobody else hears of it."""
        offer = (await self._offers.catalogue(notice.merchant_id)).get(notice.offer_id)
        if offer is None:
            at = self._at()
            await self._sql.write(lambda: rows.withdraw(notice, at))
            await self._finish(notice)
        return offer

    async def gather(self, notice: Notice, offer: Offer) -> None:
        """Write a message for every phone it concerns, page by page; goes on where it stopped."""
        merchant_id = notice.merchant_id
        audience = [one for one in await self._audience(merchant_id, offer) if one > notice.cursor]
        now = await self._now(merchant_id, await self.rule(merchant_id))
        pages = _pages(audience) or [()]
        for number, page in enumerate(pages, 1):
            last, at = number == len(pages), self._at()
            job = lambda n=notice, p=page, end=last, at=at: rows.gather(n, p, end, offer, now, at)  # noqa: E731
            if not await self._sql.write(job):
                return
            notice = Notice(**{**_fields(notice), "cursor": page[-1] if page else notice.cursor})

    async def take(self, notice: Notice, most: int) -> list[Delivery]:
        """The next messages to send; none: everything due is sent."""
        at = self._at()
        found = await self._sql.write(lambda: rows.take(notice, most, at))
        if not found:
            await self._finish(notice)
        return found

    async def settle(self, notice: Notice, results: Mapping[str, Result]) -> None:
        """Keep what became of messages that were taken."""
        at = self._at()
        await self._sql.write(lambda: rows.settle(notice, results, at))

    async def _finish(self, notice: Notice) -> None:
        at = self._at()
        await self._sql.write(lambda: rows.finish(notice, at))

    async def _live(self, merchant_id: str, offer_id: str) -> Offer:
        offer = (await self._offers.catalogue(merchant_id)).get(offer_id)
        if offer is None:
            raise NotFound("live offer", offer_id)
        return offer

    async def _audience(self, merchant_id: str, offer: Offer) -> list[str]:
        """Who may have the offer, by id: nobody who is held out of it."""
        fitting = await self._segments.open_to(merchant_id, offer.conditions)
        return [customer_id for customer_id in fitting if not held_out(offer, customer_id)]

    async def _now(self, merchant_id: str, rule: NoticeRule) -> Moment:
        at = self._at()
        zone = await self._sql.read(lambda: read_zone(merchant_id))
        return Moment(at=moment(at), zone=zone, since=at - rule.hours * _HOUR)

    def _at(self) -> int:
        return micros(self._clock.now())


def _pages(ids: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(ids[start : start + _PAGE]) for start in range(0, len(ids), _PAGE)]


def _fields(notice: Notice) -> dict[str, str]:
    return {name: getattr(notice, name) for name in notice.__struct_fields__}
