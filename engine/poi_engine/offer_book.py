"""The merchant's offers: versions in SQL, a live catalogue in memory, decisions from both."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ledger import limit_account
from poi_engine.ports import Job, Query, Row, Screens, Sql
from poi_engine.settings import Merchant, read_merchant
from poi_offers.catalogue import Catalogue
from poi_offers.decide import Explained, decide
from poi_offers.decision import Decision
from poi_offers.model import Offer
from poi_offers.situation import Situation
from poi_offers.validate import OfferError, check_offer

FRESH_SECONDS = 0.5
"""How long a catalogue is used before the storage is asked whether another process changed it."""
EXPLAINED = 60
"""Catalogues of up to so many offers have every offer explained.

Of larger ones, besides the offers that hold, so many of those that the place does not rule out, by priority.
"""
SKEW = 60_000_000
"""Microseconds by which the clocks of two processes may differ."""
_OFFER = json.Decoder(Offer)
_HEADS = (
    "select o.offer_id, o.version, o.state, o.changed_at, v.document from offer o join offer_version v "
    "on v.merchant_id = o.merchant_id and v.offer_id = o.offer_id and v.version = o.version "
)


class OfferView(Struct, frozen=True, kw_only=True):
    """An offer's newest version and whether it is live, paused or removed."""

    offer: Offer
    state: str
    changed_at: int


class OfferUse(Struct, frozen=True, kw_only=True):
    """How often an offer was used and what it took off, returns subtracted (minor units)."""

    offer_id: str
    uses: int
    saved: int


@dataclass(slots=True)
class _Live:
    """One merchant's catalogue in memory, and how new it is."""

    catalogue: Catalogue
    merchant: Merchant
    version: int
    changed_at: int
    checked: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OfferBook:
    """The offers' service."""

    def __init__(self, sql: Sql, screens: Screens, clock: Clock) -> None:
        self._sql = sql
        self._screens = screens
        self._clock = clock
        self._live: dict[str, _Live] = {}
        self._loading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def create(self, merchant_id: str, offer: Offer) -> OfferView:
        """A new offer, live at once, as version 1."""
        await self._check(merchant_id, offer)
        first = replace(offer, version=1)
        return await self._change(merchant_id, lambda at: _create(merchant_id, first, at))

    async def replace(self, merchant_id: str, offer: Offer) -> OfferView:
        """The offer's next version; earlier ones stay as they were sold."""
        await self._check(merchant_id, offer)
        return await self._change(merchant_id, lambda at: _replace(merchant_id, offer, at))

    async def pause(self, merchant_id: str, offer_id: str) -> OfferView:
        """Decide without it until it is resumed."""
        return await self._change(merchant_id, lambda at: _state(merchant_id, offer_id, "paused", at))

    async def resume(self, merchant_id: str, offer_id: str) -> OfferView:
        """Live again."""
        return await self._change(merchant_id, lambda at: _state(merchant_id, offer_id, "live", at))

    async def remove(self, merchant_id: str, offer_id: str) -> None:
        """Gone for good; sales made with it keep their version."""
        await self._change(merchant_id, lambda at: _state(merchant_id, offer_id, "removed", at))

    async def get(self, merchant_id: str, offer_id: str) -> OfferView:
        """An offer that was not removed."""
        return await self._sql.read(lambda: _get(merchant_id, offer_id))

    async def list(self, merchant_id: str, *, limit: int = 100, after: str | None = None) -> list[OfferView]:
        """Offers by id; `after` is the last id of the page before."""

        def job() -> Job[list[OfferView]]:
            rows = yield Query(
                f"{_HEADS} where o.merchant_id = ? and o.state <> 'removed' and o.offer_id > ? "
                "order by o.offer_id limit ?",
                (merchant_id, after or "", limit),
            )
            return [_view(row) for row in rows]

        return await self._sql.read(job)

    async def use(self, merchant_id: str, offer_id: str) -> OfferUse:
        """What the offer has done so far."""

        def job() -> Job[OfferUse]:
            yield from _get(merchant_id, offer_id)
            rows = yield Query(
                "select count(*) as uses, cast(coalesce(sum(saved), 0) as bigint) as saved from redemption "
                "where merchant_id = ? and offer_id = ? and saved >= 0 and value >= 0",
                (merchant_id, offer_id),
            )
            back = yield Query(
                "select cast(coalesce(sum(saved), 0) as bigint) as saved from redemption "
                "where merchant_id = ? and offer_id = ? and saved < 0",
                (merchant_id, offer_id),
            )
            return OfferUse(offer_id=offer_id, uses=rows[0]["uses"], saved=rows[0]["saved"] + back[0]["saved"])

        return await self._sql.read(job)

    async def decide(self, merchant_id: str, situation: Situation, explain: Explained | None = None) -> Decision:
        """The best combination for a situation, with what is left of the limits as SQL has it now.

        `explain` says which offers get a reason; by default by the size of the catalogue (`EXPLAINED`).
        """
        live = await self._fresh(merchant_id)
        policy = live.merchant.programme.policy
        told = explain or ("all" if len(live.catalogue) <= EXPLAINED else "reach")
        most = None if explain else EXPLAINED
        asked: dict[str, int] = {}

        def ask(key: str, cap: int) -> int:
            asked[key] = cap
            return cap

        decision = decide(live.catalogue, situation, policy, ask, told, most)
        left = await self._sql.read(lambda: _remaining(merchant_id, asked)) if asked else {}
        if all(left[key] >= cap for key, cap in asked.items()):
            return decision

        def remaining(key: str, cap: int) -> int:
            return left.get(key, cap)

        return decide(live.catalogue, situation, policy, remaining, told, most)

    async def merchant(self, merchant_id: str) -> Merchant:
        """The merchant's row as the catalogue was decided with."""
        return (await self._fresh(merchant_id)).merchant

    async def versions(self, merchant_id: str, decision: Decision) -> dict[str, Offer]:
        """The chosen offers in exactly the versions that were chosen."""
        live = await self._fresh(merchant_id)
        found: dict[str, Offer] = {}
        for chosen in decision.offers:
            known = live.catalogue.get(chosen.offer_id)
            if known is None or known.version != chosen.version:
                known = await self._sql.read(_version_job(merchant_id, chosen.offer_id, chosen.version))
            found[chosen.offer_id] = known
        return found

    async def catalogue(self, merchant_id: str) -> Catalogue:
        """The live offers."""
        return (await self._fresh(merchant_id)).catalogue

    async def _check(self, merchant_id: str, offer: Offer) -> None:
        try:
            check_offer(offer)
        except OfferError as error:
            raise RequestError(error.code.replace("_", "-"), error.message, path=error.path) from error
        currency = (await self._fresh(merchant_id)).merchant.currency
        if offer.currency != currency:
            message = f"The offer is in {offer.currency}, the merchant sells in {currency}."
            raise RequestError("currency-differs", message, path="$.currency")

    async def _change(self, merchant_id: str, make: Callable[[int], Job[OfferView]]) -> OfferView:
        at = micros(self._clock.now())

        def job() -> Job[tuple[OfferView, int]]:
            view = yield from make(at)
            rows = yield Query(
                "insert into catalogue (merchant_id, version) values (?, 1) on conflict (merchant_id) "
                "do update set version = catalogue.version + 1 returning version",
                (merchant_id,),
            )
            return view, rows[0]["version"]

        view, version = await self._sql.write(job)
        await self._follow(merchant_id, view, version)
        await self._screens.offers_changed(merchant_id)
        return view

    async def _follow(self, merchant_id: str, view: OfferView, version: int) -> None:
        """Bring the live catalogue to at least `version`, which is our own change; alone, it needs no reading."""
        live = await self._fresh(merchant_id)
        async with live.lock:
            if live.version + 1 == version:
                _apply(live, view.offer, view.state, view.changed_at)
                live.version = version
            elif live.version < version:
                await self._refresh(merchant_id, live)

    async def _fresh(self, merchant_id: str) -> _Live:
        live = self._live.get(merchant_id) or await self._first(merchant_id)
        if self._is_stale(live):
            async with live.lock:
                if self._is_stale(live):  # of all who waited, the first has asked
                    await self._refresh(merchant_id, live)
        return live

    async def _first(self, merchant_id: str) -> _Live:
        """Load the catalogue, once for all who wait for it, and in a thread: a large one takes seconds."""
        async with self._loading[merchant_id]:
            live = self._live.get(merchant_id)
            if live is None:
                merchant, version, rows = await self._sql.read(lambda: _load(merchant_id))
                live = await asyncio.to_thread(_loaded, merchant, version, rows, self._clock.monotonic())
                self._live[merchant_id] = live
        return live

    def _is_stale(self, live: _Live) -> bool:
        return self._clock.monotonic() - live.checked >= FRESH_SECONDS

    async def _refresh(self, merchant_id: str, live: _Live) -> None:
        since = live.changed_at - SKEW
        merchant, version, rows = await self._sql.read(lambda: _changes(merchant_id, live.version, since))
        for row in rows:
            if not _is_known(live, row):
                _apply(live, _offer(row["document"]), row["state"], row["changed_at"])
        live.merchant, live.version, live.checked = merchant, version, self._clock.monotonic()


def _loaded(merchant: Merchant, version: int, rows: "list[Row]", checked: float) -> _Live:
    offers = [_offer(row["document"]) for row in rows if row["state"] == "live"]
    changed_at = max((row["changed_at"] for row in rows), default=0)
    return _Live(Catalogue(offers), merchant, version, changed_at, checked)


def _apply(live: _Live, offer: Offer, state: str, changed_at: int) -> None:
    """Take over a change unless the catalogue has that version."""
    known = live.catalogue.get(offer.offer_id)
    if state != "live":
        live.catalogue.remove(offer.offer_id)
    elif known is None or known.version != offer.version:
        live.catalogue.put(offer)
    live.changed_at = max(live.changed_at, changed_at)


def _is_known(live: _Live, row: Row) -> bool:
    known = live.catalogue.get(row["offer_id"])
    return (known is None) if row["state"] != "live" else (known is not None and known.version == row["version"])


def _catalogue_version(merchant_id: str) -> Job[int]:
    rows = yield Query("select version from catalogue where merchant_id = ?", (merchant_id,))
    return int(rows[0]["version"]) if rows else 0


def _load(merchant_id: str) -> "Job[tuple[Merchant, int, list[Row]]]":
    merchant = yield from read_merchant(merchant_id)
    version = yield from _catalogue_version(merchant_id)
    rows = yield Query(f"{_HEADS} where o.merchant_id = ? and o.state = 'live' order by o.offer_id", (merchant_id,))
    return merchant, version, rows


def _changes(merchant_id: str, version: int, since: int) -> "Job[tuple[Merchant, int, list[Row]]]":
    merchant = yield from read_merchant(merchant_id)
    newest = yield from _catalogue_version(merchant_id)
    rows: list[Row] = []
    if newest != version:
        rows = yield Query(f"{_HEADS} where o.merchant_id = ? and o.changed_at >= ?", (merchant_id, since))
    return merchant, newest, rows


def _remaining(merchant_id: str, asked: Mapping[str, int]) -> Job[dict[str, int]]:
    """What is left of each limit, with what a raised cap has not given it yet."""
    names = [limit_account(key) for key in asked]
    marks = ", ".join("?" * len(names))
    rows = yield Query(
        "select account, credits - debits - debits_pending as available from account "
        f"where merchant_id = ? and account in ({marks})",
        (merchant_id, *names),
    )
    available = {row["account"]: row["available"] for row in rows}
    rows = yield Query(
        "select checkout_id, cast(sum(case when credit = substr(checkout_id, 6) then amount else -amount end) "
        f"as bigint) as funded from transfer where merchant_id = ? and checkout_id in ({marks}) group by checkout_id",
        (merchant_id, *(f"fund:{name}" for name in names)),
    )
    funded = {row["checkout_id"].removeprefix("fund:"): row["funded"] for row in rows}
    return {
        key: available.get(name, 0) + cap - funded.get(name, 0)
        for (key, cap), name in zip(asked.items(), names, strict=True)
    }


def _create(merchant_id: str, offer: Offer, at: int) -> Job[OfferView]:
    rows = yield Query(
        "insert into offer (merchant_id, offer_id, version, state, changed_at) values (?, ?, 1, 'live', ?) "
        "on conflict (merchant_id, offer_id) do nothing returning offer_id",
        (merchant_id, offer.offer_id, at),
    )
    if not rows:
        raise Conflict("offer-exists", f"There is an offer {offer.offer_id!r} already.", path="$.offer_id")
    yield _insert_version(merchant_id, offer, at)
    return OfferView(offer=offer, state="live", changed_at=at)


def _replace(merchant_id: str, offer: Offer, at: int) -> Job[OfferView]:
    rows = yield Query(
        "update offer set version = version + 1, changed_at = ? where merchant_id = ? and offer_id = ? "
        "and state <> 'removed' returning version, state",
        (at, merchant_id, offer.offer_id),
    )
    if not rows:
        raise NotFound("offer", offer.offer_id)
    newer = replace(offer, version=rows[0]["version"])
    yield _insert_version(merchant_id, newer, at)
    return OfferView(offer=newer, state=rows[0]["state"], changed_at=at)


def _insert_version(merchant_id: str, offer: Offer, at: int) -> Query:
    return Query(
        "insert into offer_version (merchant_id, offer_id, version, document, created_at) values (?, ?, ?, ?, ?)",
        (merchant_id, offer.offer_id, offer.version, json.encode(offer).decode(), at),
    )


def _state(merchant_id: str, offer_id: str, state: str, at: int) -> Job[OfferView]:
    rows = yield Query(
        "update offer set state = ?, changed_at = ? where merchant_id = ? and offer_id = ? and state <> 'removed' "
        "returning version",
        (state, at, merchant_id, offer_id),
    )
    if not rows:
        raise NotFound("offer", offer_id)
    offer = yield from _version(merchant_id, offer_id, rows[0]["version"])
    return OfferView(offer=offer, state=state, changed_at=at)


def _get(merchant_id: str, offer_id: str) -> Job[OfferView]:
    rows = yield Query(
        f"{_HEADS} where o.merchant_id = ? and o.offer_id = ? and o.state <> 'removed'", (merchant_id, offer_id)
    )
    if not rows:
        raise NotFound("offer", offer_id)
    return _view(rows[0])


def _version(merchant_id: str, offer_id: str, version: int) -> Job[Offer]:
    rows = yield Query(
        "select document from offer_version where merchant_id = ? and offer_id = ? and version = ?",
        (merchant_id, offer_id, version),
    )
    if not rows:
        raise NotFound("offer version", f"{offer_id} {version}")
    return _offer(rows[0]["document"])


def _version_job(merchant_id: str, offer_id: str, version: int) -> Callable[[], Job[Offer]]:
    return lambda: _version(merchant_id, offer_id, version)


def _view(row: Row) -> OfferView:
    return OfferView(offer=_offer(row["document"]), state=row["state"], changed_at=row["changed_at"])


def _offer(document: str) -> Offer:
    return _OFFER.decode(document)
