"""The campaigns' service: drafts, the moves between states, and the round that starts and ends what is due.

A move and what it does to the offers are one transaction that asks for the state before, so that of several processes
(or persons) that try the same, one does it.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from msgspec import Struct, json

from poi_engine.campaigns.audience import AudienceSize, audience_size
from poi_engine.campaigns.model import (
    Act,
    CampaignDraft,
    State,
    after,
    begins,
    check_draft,
    ends,
    offer_ids,
    offers_of,
)
from poi_engine.catalogue.offer_book import Change, OfferBook, pause_all, publish
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.segments import rfm
from poi_engine.settings import read_merchant
from poi_offers.storetime import zone

_log = logging.getLogger(__name__)

WHO = "server:campaigns"
_COLUMNS = "campaign_id, state, document, revision, created_at, changed_at, started_at, ended_at"
_DRAFT = json.Decoder(CampaignDraft)


class CampaignView(Struct, frozen=True, kw_only=True):
    """A campaign as it stands; `offer_ids` exist from its start on."""

    campaign_id: str
    state: State
    draft: CampaignDraft
    revision: int
    offer_ids: tuple[str, ...]
    created_at: datetime
    changed_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class CampaignBook:
    """The campaigns."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, offers: OfferBook) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._offers = offers

    async def create(self, merchant_id: str, draft: CampaignDraft, *, by: Principal) -> CampaignView:
        """A new draft; the suggestion it comes from is used."""
        campaign_id, audit_id, at = self._ids.new("cmp"), self._ids.new("aud"), self._at()

        def job() -> Job[CampaignView]:
            yield from check_campaign(merchant_id, draft)
            yield Query(
                "insert into campaign (merchant_id, campaign_id, name, created_at, state, document, changed_at) "
                "values (?, ?, ?, ?, 'draft', ?, ?)",
                (merchant_id, campaign_id, draft.name, at, json.encode(draft).decode(), at),
            )
            yield Query(
                "update suggestion set state = 'used', changed_at = ? where merchant_id = ? and suggestion_id = ? "
                "and state = 'open'",
                (at, merchant_id, draft.suggestion_id or ""),
            )
            yield insert_audit(merchant_id, audit_id, by.who, "create-campaign", campaign_id, draft.name, at)
            return (yield from _get(merchant_id, campaign_id))

        return await self._sql.write(job)

    async def change(self, merchant_id: str, campaign_id: str, draft: CampaignDraft, *, by: Principal) -> CampaignView:
        """Write a draft anew; nothing else can be changed."""
        audit_id, at = self._ids.new("aud"), self._at()

        def job() -> Job[CampaignView]:
            yield from check_campaign(merchant_id, draft)
            rows = yield Query(
                "update campaign set name = ?, document = ?, revision = revision + 1, changed_at = ? "
                "where merchant_id = ? and campaign_id = ? and state = 'draft' returning revision",
                (draft.name, json.encode(draft).decode(), at, merchant_id, campaign_id),
            )
            if not rows:
                found = yield from _get(merchant_id, campaign_id)
                message = f"A campaign that is {found.state} cannot be changed; make a copy, or take it back first."
                raise Conflict("campaign-not-a-draft", message)
            yield insert_audit(merchant_id, audit_id, by.who, "change-campaign", campaign_id, draft.name, at)
            return (yield from _get(merchant_id, campaign_id))

        return await self._sql.write(job)

    async def get(self, merchant_id: str, campaign_id: str) -> CampaignView:
        """A campaign that was not removed."""
        return await self._sql.read(lambda: _get(merchant_id, campaign_id))

    async def list(self, merchant_id: str, *, limit: int = 100, before: str | None = None) -> list[CampaignView]:
        """Campaigns, newest first; `before` is the last id of the page before."""
        return await self._sql.read(lambda: _list(merchant_id, limit, before))

    async def start(self, merchant_id: str, campaign_id: str, *, by: Principal) -> CampaignView:
        """Make its offers at once, or, before its first day, be ready for it."""
        found = await self.get(merchant_id, campaign_id)
        zones, now = await self._sql.read(lambda: read_zones(merchant_id)), moment(self._at())
        end, begin = ends(found.draft, zones), begins(found.draft, zones)
        if found.state == "draft" and end is not None and end <= now:
            raise RequestError("campaign-over", "The campaign's last day is over: choose a later one.", path="$.last")
        act: Act = "schedule" if begin is not None and begin > now else "begin"
        return await self._move(merchant_id, campaign_id, act, by.who, "start-campaign")

    async def withdraw(self, merchant_id: str, campaign_id: str, *, by: Principal) -> CampaignView:
        """What is ready for its first day becomes a draft again."""
        return await self._move(merchant_id, campaign_id, "withdraw", by.who, "withdraw-campaign")

    async def stop(self, merchant_id: str, campaign_id: str, *, by: Principal) -> CampaignView:
        """Pause its offers, at once and for good."""
        return await self._move(merchant_id, campaign_id, "stop", by.who, "stop-campaign")

    async def remove(self, merchant_id: str, campaign_id: str, *, by: Principal) -> None:
        """Off the list: a draft, or what is over. Its sales keep their offers."""
        await self._move(merchant_id, campaign_id, "remove", by.who, "remove-campaign")

    async def audience(self, merchant_id: str, words: Sequence[str]) -> AudienceSize:
        """How many customers an audience has today."""
        return await self._sql.read(lambda: audience_size(merchant_id, words))

    async def round(self) -> int:
        """Start and end what is due; returns how many. Another process that does the same finds it done."""
        done = 0
        for merchant_id, campaign_id, act in await self._sql.read(lambda: _due(moment(self._at()))):
            try:
                await self._move(merchant_id, campaign_id, act, WHO, f"{act}-campaign")
            except Conflict:  # another process was faster
                continue
            except RequestError as error:  # a segment it names is gone, say: it waits for a person
                _log.warning("campaign %s cannot %s: %s", campaign_id, act, error.code)
                continue
            done += 1
        return done

    async def _move(self, merchant_id: str, campaign_id: str, act: Act, who: str, audited: str) -> CampaignView:
        audit_id = self._ids.new("aud")
        job = partial(_moved, merchant_id, campaign_id, act, who, audited, audit_id)
        if act in ("begin", "stop", "end"):
            return await self._offers.change_together(merchant_id, job)
        return await self._sql.write(lambda: job(Change(self._at(), 0)))

    def _at(self) -> int:
        return micros(self._clock.now())


def _moved(
    merchant_id: str, campaign_id: str, act: Act, who: str, audited: str, audit_id: str, change: Change
) -> Job[CampaignView]:
    found = yield from _get(merchant_id, campaign_id)
    state = after(found.state, act)
    rows = yield Query(
        "update campaign set state = ?, revision = revision + 1, changed_at = ?, "
        "started_at = case when ? = 'live' then ? else started_at end, "
        "ended_at = case when ? in ('stopped', 'ended') then ? else ended_at end "
        f"where merchant_id = ? and campaign_id = ? and state = ? and revision = ? returning {_COLUMNS}",
        (state, change.at, state, change.at, state, change.at, merchant_id, campaign_id, found.state, found.revision),
    )
    if not rows:  # somebody else was faster
        raise Conflict("campaign-moved-on", "The campaign has changed meanwhile: look at it again.")
    if act in ("begin", "schedule") and who != WHO:  # later a segment may be gone: then nobody is in it
        yield from check_campaign(merchant_id, found.draft)
    if act == "begin":
        merchant = yield from read_merchant(merchant_id)
        for offer in offers_of(campaign_id, found.draft, merchant.currency):
            yield from publish(merchant_id, offer, change)
    elif act in ("stop", "end") and found.state == "live":
        yield from pause_all(merchant_id, found.offer_ids, change)
    yield insert_audit(merchant_id, audit_id, who, audited, campaign_id, f"{found.state} to {state}", change.at)
    return _view(rows[0])


# --- reading -------------------------------------------------------------------------------------------------------


def check_campaign(merchant_id: str, draft: CampaignDraft) -> Job[None]:
    """Refuse what cannot be started: mistakes of its offers, and segments that are not there."""
    merchant = yield from read_merchant(merchant_id)
    check_draft(draft, merchant.currency)
    rows = yield Query("select segment_id from segment where merchant_id = ? and state <> 'removed'", (merchant_id,))
    known = {str(row["segment_id"]) for row in rows} | {f"rfm:{group}" for group in rfm.GROUPS}
    for place, word in enumerate(draft.audience):
        if word.startswith(("seg_", "rfm:", "coupon:")) and word not in known:
            raise RequestError("unknown-segment", f"There is no segment {word!r}.", path=f"$.audience[{place}]")


def read_zones(merchant_id: str) -> Job[Sequence[ZoneInfo]]:
    """The zones of the merchant's stores."""
    rows = yield Query("select distinct zone from store where merchant_id = ? order by zone", (merchant_id,))
    return [zone(row["zone"]) for row in rows]


def _due(now: datetime) -> Job[list[tuple[str, str, Act]]]:
    due: list[tuple[str, str, Act]] = []
    merchants = yield Query("select merchant_id from merchant order by merchant_id")
    for merchant in merchants:
        merchant_id = str(merchant["merchant_id"])
        rows = yield Query(
            f"select {_COLUMNS} from campaign where merchant_id = ? and state in ('scheduled', 'live')", (merchant_id,)
        )
        zones = (yield from read_zones(merchant_id)) if rows else ()
        for view in map(_view, rows):
            act = _act_due(view, zones, now)
            due += [(merchant_id, view.campaign_id, act)] if act else []
    return due


def _act_due(view: CampaignView, zones: Sequence[ZoneInfo], now: datetime) -> Act | None:
    end, begin = ends(view.draft, zones), begins(view.draft, zones)
    if end is not None and end <= now:
        return "end"
    if view.state == "scheduled" and (begin is None or begin <= now):
        return "begin"
    return None


def _get(merchant_id: str, campaign_id: str) -> Job[CampaignView]:
    rows = yield Query(
        f"select {_COLUMNS} from campaign where merchant_id = ? and campaign_id = ? and state <> 'removed'",
        (merchant_id, campaign_id),
    )
    if not rows:
        raise NotFound("campaign", campaign_id)
    return _view(rows[0])


def _list(merchant_id: str, limit: int, before: str | None) -> Job[list[CampaignView]]:
    further, values = (" and campaign_id < ?", (before,)) if before else ("", ())
    rows = yield Query(
        f"select {_COLUMNS} from campaign where merchant_id = ? and state <> 'removed'{further} "
        "order by campaign_id desc limit ?",
        (merchant_id, *values, limit),
    )
    return [_view(row) for row in rows]


def _view(row: Row) -> CampaignView:
    draft, campaign_id = _DRAFT.decode(row["document"]), str(row["campaign_id"])
    return CampaignView(
        campaign_id=campaign_id,
        state=row["state"],
        draft=draft,
        revision=row["revision"],
        offer_ids=offer_ids(campaign_id, draft),
        created_at=moment(row["created_at"]),
        changed_at=moment(row["changed_at"]),
        started_at=_moment(row["started_at"]),
        ended_at=_moment(row["ended_at"]),
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)
