"""The merchant's offers: versions in SQL, a live catalogue in memory, decisions from both."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine.catalogue.live_offers import Live, LiveOffers
from poi_engine.catalogue.offer_rows import HEADS, next_version, offer_of_document
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.limits import limit_account
from poi_engine.ports import Job, Query, Row, Screens, Sql
from poi_engine.principal import Principal
from poi_engine.segments.use import must_exist
from poi_engine.settings import Merchant
from poi_offers.catalogue import Catalogue
from poi_offers.decide import Explained, decide
from poi_offers.decision import Decision
from poi_offers.model import Offer
from poi_offers.records import DamagedRecord
from poi_offers.situation import Situation
from poi_offers.validate import OfferError, check_offer

T = TypeVar("T")

EXPLAINED = 60
"""Catalogues of up to so many offers have every offer explained.

Of larger ones, besides the offers that hold, so many of those that the place does not rule out, by priority.
"""


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


class Change(NamedTuple):
    """When an offer is changed (microseconds since 1970), and the catalogue's version that this makes."""

    at: int
    number: int


class OfferBook:
    """The offers' service. `by` is who changes them, for the audit; a loader of examples is nobody."""

    def __init__(self, sql: Sql, screens: Screens, clock: Clock, folder: Path | None = None) -> None:
        self._sql = sql
        self._screens = screens
        self._clock = clock
        self._ids = Ids(clock.now)
        self._live = LiveOffers(sql, clock, folder)

    async def close(self) -> None:
        """Wait for merges in the background."""
        await self._live.close()

    async def create(self, merchant_id: str, offer: Offer, *, by: Principal | None = None) -> OfferView:
        """A new offer, live at once, as version 1."""
        await self._check(merchant_id, offer)
        first = replace(offer, version=1)
        return await self._change(merchant_id, lambda change: _create(merchant_id, first, change), "create-offer", by)

    async def replace(self, merchant_id: str, offer: Offer, *, by: Principal | None = None) -> OfferView:
        """The offer's next version; earlier ones stay as they were sold."""
        await self._check(merchant_id, offer)
        return await self._change(merchant_id, lambda change: _replace(merchant_id, offer, change), "change-offer", by)

    async def pause(self, merchant_id: str, offer_id: str, *, by: Principal | None = None) -> OfferView:
        """Decide without it until it is resumed."""
        return await self._set_state(merchant_id, offer_id, "paused", "pause-offer", by)

    async def resume(self, merchant_id: str, offer_id: str, *, by: Principal | None = None) -> OfferView:
        """Live again."""
        return await self._set_state(merchant_id, offer_id, "live", "resume-offer", by)

    async def remove(self, merchant_id: str, offer_id: str, *, by: Principal | None = None) -> None:
        """Gone for good; sales made with it keep their version."""
        await self._set_state(merchant_id, offer_id, "removed", "remove-offer", by)

    async def get(self, merchant_id: str, offer_id: str) -> OfferView:
        """An offer that was not removed."""
        return await self._sql.read(lambda: _get(merchant_id, offer_id))

    async def list(self, merchant_id: str, *, limit: int = 100, after: str | None = None) -> list[OfferView]:
        """Offers by id; `after` is the last id of the page before."""

        def job() -> Job[list[OfferView]]:
            rows = yield Query(
                f"{HEADS} where o.merchant_id = ? and o.state <> 'removed' and o.offer_id > ? "
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
        return await self._with_live(merchant_id, lambda live: self._decide(live, situation, explain))

    async def _decide(self, live: Live, situation: Situation, explain: Explained | None) -> Decision:
        merchant_id, policy = live.merchant.merchant_id, live.merchant.programme.policy
        told = explain or ("all" if len(live.catalogue) <= EXPLAINED else "reach")
        most = None if explain else EXPLAINED
        asked: dict[str, int] = {}

        def ask(key: str, cap: int) -> int:
            asked[key] = cap
            return cap

        decision = decide(live.catalogue, situation, policy, ask, told, most)
        left = await self._sql.read(lambda: remaining_limits(merchant_id, asked)) if asked else {}
        if all(left[key] >= cap for key, cap in asked.items()):
            return decision

        def remaining(key: str, cap: int) -> int:
            return left.get(key, cap)

        return decide(live.catalogue, situation, policy, remaining, told, most)

    async def merchant(self, merchant_id: str) -> Merchant:
        """The merchant's row as the catalogue was decided with."""
        return (await self._live.fresh(merchant_id)).merchant

    async def versions(self, merchant_id: str, decision: Decision) -> dict[str, Offer]:
        """The chosen offers in exactly the versions that were chosen."""
        return await self._with_live(merchant_id, lambda live: self._versions(live, decision))

    async def _versions(self, live: Live, decision: Decision) -> dict[str, Offer]:
        merchant_id, found = live.merchant.merchant_id, dict[str, Offer]()
        for chosen in decision.offers:
            known = live.catalogue.get(chosen.offer_id)
            if known is None or known.version != chosen.version:
                known = await self._sql.read(_version_job(merchant_id, chosen.offer_id, chosen.version))
            found[chosen.offer_id] = known
        return found

    async def rewards(self, merchant_id: str) -> Sequence[Offer]:
        """The live offers that have a price in points, by id."""

        async def ask(live: Live) -> Sequence[Offer]:
            return live.catalogue.rewards()

        return await self._with_live(merchant_id, ask)

    async def _with_live(self, merchant_id: str, ask: Callable[[Live], Awaitable[T]]) -> T:
        """Ask the live offers; should one of them turn out to be damaged in its file, load them anew and ask again."""
        try:
            return await ask(await self._live.fresh(merchant_id))
        except DamagedRecord as error:
            await self._live.forget_damaged(merchant_id, error)
            return await ask(await self._live.fresh(merchant_id))

    async def catalogue(self, merchant_id: str) -> Catalogue:
        """The live offers."""
        return (await self._live.fresh(merchant_id)).catalogue

    async def change_together(self, merchant_id: str, make: Callable[[Change], Job[T]]) -> T:
        """Change several offers (`publish`, `pause_all`) and what else `make` writes: all of it is seen, or nothing."""
        at = micros(self._clock.now())

        def job() -> Job[tuple[T, int]]:
            number = yield from next_version(merchant_id)
            return (yield from make(Change(at, number))), number

        made, version = await self._sql.write(job)
        await self._live.catch_up(merchant_id, version)
        await self._screens.offers_changed(merchant_id)
        return made

    async def _check(self, merchant_id: str, offer: Offer) -> None:
        try:
            check_offer(offer)
        except OfferError as error:
            raise RequestError(error.code.replace("_", "-"), error.message, path=error.path) from error
        currency = (await self._live.fresh(merchant_id)).merchant.currency
        if offer.currency != currency:
            message = f"The offer is in {offer.currency}, the merchant sells in {currency}."
            raise RequestError("currency-differs", message, path="$.currency")

    async def _set_state(
        self, merchant_id: str, offer_id: str, state: str, act: str, by: Principal | None
    ) -> OfferView:
        return await self._change(merchant_id, lambda change: _state(merchant_id, offer_id, state, change), act, by)

    async def _change(
        self, merchant_id: str, make: Callable[[Change], Job[OfferView]], act: str, by: Principal | None
    ) -> OfferView:
        at, audit_id = micros(self._clock.now()), self._ids.new("aud")

        def job() -> Job[tuple[OfferView, int]]:
            number = yield from next_version(merchant_id)
            view = yield from make(Change(at, number))
            if by is not None:
                offer_id, why = view.offer.offer_id, f"version {view.offer.version}"
                yield insert_audit(merchant_id, audit_id, by.who, act, offer_id, why, at, by.station_id)
            return view, number

        view, version = await self._sql.write(job)
        await self._live.follow(merchant_id, view.offer, view.state, version)
        await self._screens.offers_changed(merchant_id)
        return view


def publish(merchant_id: str, offer: Offer, change: Change) -> Job[OfferView]:
    """A new offer, live with the change."""
    return (yield from _create(merchant_id, replace(offer, version=1), change))


def pause_all(merchant_id: str, offer_ids: Sequence[str], change: Change) -> Job[None]:
    """Decide without these from the change on; one that is not live stays as it is."""
    marks = ", ".join("?" * len(offer_ids))
    yield Query(
        "update offer set state = 'paused', changed_at = ?, changed_in = ? where merchant_id = ? "
        f"and offer_id in ({marks}) and state = 'live'",
        (*change, merchant_id, *offer_ids),
    )


def remaining_limits(merchant_id: str, asked: Mapping[str, int]) -> Job[dict[str, int]]:
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


def _create(merchant_id: str, offer: Offer, change: Change) -> Job[OfferView]:
    yield from must_exist(merchant_id, offer)
    rows = yield Query(
        "insert into offer (merchant_id, offer_id, version, state, changed_at, changed_in) "
        "values (?, ?, 1, 'live', ?, ?) on conflict (merchant_id, offer_id) do nothing returning offer_id",
        (merchant_id, offer.offer_id, *change),
    )
    if not rows:
        raise Conflict("offer-exists", f"There is an offer {offer.offer_id!r} already.", path="$.offer_id")
    yield _insert_version(merchant_id, offer, change.at)
    return OfferView(offer=offer, state="live", changed_at=change.at)


def _replace(merchant_id: str, offer: Offer, change: Change) -> Job[OfferView]:
    yield from must_exist(merchant_id, offer)
    rows = yield Query(
        "update offer set version = version + 1, changed_at = ?, changed_in = ? where merchant_id = ? and offer_id = ? "
        "and state <> 'removed' returning version, state",
        (*change, merchant_id, offer.offer_id),
    )
    if not rows:
        raise NotFound("offer", offer.offer_id)
    newer = replace(offer, version=rows[0]["version"])
    yield _insert_version(merchant_id, newer, change.at)
    return OfferView(offer=newer, state=rows[0]["state"], changed_at=change.at)


def _insert_version(merchant_id: str, offer: Offer, at: int) -> Query:
    return Query(
        "insert into offer_version (merchant_id, offer_id, version, document, created_at) values (?, ?, ?, ?, ?)",
        (merchant_id, offer.offer_id, offer.version, json.encode(offer).decode(), at),
    )


def _state(merchant_id: str, offer_id: str, state: str, change: Change) -> Job[OfferView]:
    rows = yield Query(
        "update offer set state = ?, changed_at = ?, changed_in = ? where merchant_id = ? and offer_id = ? "
        "and state <> 'removed' returning version",
        (state, *change, merchant_id, offer_id),
    )
    if not rows:
        raise NotFound("offer", offer_id)
    offer = yield from read_version(merchant_id, offer_id, rows[0]["version"])
    return OfferView(offer=offer, state=state, changed_at=change.at)


def _get(merchant_id: str, offer_id: str) -> Job[OfferView]:
    rows = yield Query(
        f"{HEADS} where o.merchant_id = ? and o.offer_id = ? and o.state <> 'removed'", (merchant_id, offer_id)
    )
    if not rows:
        raise NotFound("offer", offer_id)
    return _view(rows[0])


def read_version(merchant_id: str, offer_id: str, version: int) -> Job[Offer]:
    """An offer as it was in one of its versions."""
    rows = yield Query(
        "select document from offer_version where merchant_id = ? and offer_id = ? and version = ?",
        (merchant_id, offer_id, version),
    )
    if not rows:
        raise NotFound("offer version", f"{offer_id} {version}")
    return offer_of_document(rows[0]["document"])


def _version_job(merchant_id: str, offer_id: str, version: int) -> Callable[[], Job[Offer]]:
    return lambda: read_version(merchant_id, offer_id, version)


def _view(row: Row) -> OfferView:
    return OfferView(offer=offer_of_document(row["document"]), state=row["state"], changed_at=row["changed_at"])
