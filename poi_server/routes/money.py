"""Money over all stations: what waits for somebody's word, and the means that the shop takes."""

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.checkout.at_risk import AtRisk, Ended, PaidBy
from poi_engine.checkout.doubts import InDoubt, in_doubt
from poi_engine.checkout.meal_vouchers import Payable
from poi_engine.checkout.resolving import PutRight
from poi_engine.means import Means
from poi_engine.offline.dropped import Dropped
from poi_engine.offline.local import LocalOffers
from poi_engine.offline.sales import OfflineSale, Recorded
from poi_engine.ports import Timed
from poi_engine.settings import MealVoucher, OfflinePolicy, read_merchant
from poi_engine.staff.approvals import allowance_of
from poi_server.http import COUNTER, MANAGER, OWNER, READER, Call, Routes
from poi_server.routes.counter import own_session, own_station
from poi_server.words import Word

routes = Routes("money")


class TerminalClock(Struct, frozen=True, kw_only=True):
    """A terminal whose clock is `seconds` ahead of the server's (negative: behind), as it said last."""

    station_id: str
    seconds: int


class DoubtPage(Struct, frozen=True, kw_only=True):
    """What waits for somebody's word, the oldest first. `clocks`: of terminals, if some are minutes from ours."""

    items: tuple[InDoubt, ...]
    clocks: tuple[TerminalClock, ...] = ()


class AtRiskPage(Struct, frozen=True, kw_only=True):
    """Cards taken while the bank was away, the oldest first: what it has not got yet, and what it declined.

    `waiting`: what of it is still to be forwarded, minor units; at most `cap`.
    """

    items: tuple[AtRisk, ...]
    waiting: int
    cap: int
    currency: str


class EndedBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a payment that the bank declined afterwards ended: `paid` since, `paid_by` what, or `lost`."""

    outcome: Ended
    paid_by: PaidBy | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class ReversedBody(Word, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a payment ended that is to go back: no money moved (`declined`), or it was put right by hand (`reversed`)."""

    outcome: PutRight


class MeansInUse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The means of payment that the shop takes."""

    items: Annotated[tuple[Means, ...], Meta(min_length=1, max_length=8)]


class MeansHere(Struct, frozen=True, kw_only=True):
    """The means of payment that are taken at a station; in `training` nothing that is done there counts.

    `floor_limit`: how much a sale for cash may cost while the server is away, minor units; 0: nothing is sold then.
    """

    items: tuple[Means, ...]
    training: bool
    floor_limit: int


class OfflineBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sales that the station made without the server."""

    sales: Annotated[tuple[OfflineSale, ...], Meta(min_length=1, max_length=50)]


class OfflineAnswer(Struct, frozen=True, kw_only=True):
    """What became of each, in the order of their time."""

    items: tuple[Recorded, ...]


@routes.get(
    "/v1/payments/in-doubt",
    roles=MANAGER,
    right="resolve",
    summary="Payments, refunds and sales paid in part that wait for somebody's word, over all stations",
)
async def waiting(call: Call) -> DoubtPage:
    """A payment is resolved at its session, a refund at its sale, and a sale paid in part is paid or given up."""
    items = tuple(await call.services.sql.read(lambda: in_doubt(call.merchant_id)))
    return DoubtPage(items=items, clocks=await _clocks(call))


async def _clocks(call: Call) -> tuple[TerminalClock, ...]:
    """Of this merchant's stations only."""
    connectors = call.engine.wiring.connectors.values()
    gaps = [found for one in connectors if isinstance(one, Timed) for found in one.clock_gaps().items()]
    if not gaps:
        return ()
    own = {station.station_id for station in await call.services.setup.stations(call.merchant_id)}
    return tuple(TerminalClock(station_id=name, seconds=gap) for name, gap in sorted(gaps) if name in own)


@routes.get(
    "/v1/payments/at-risk",
    roles=MANAGER,
    right="resolve",
    summary="Cards taken while the bank was away: not forwarded yet, or declined since",
)
async def at_risk(call: Call) -> AtRiskPage:
    """They are forwarded by themselves once the bank is back; what it declines waits for somebody's word."""
    merchant = await call.services.sql.read(lambda: read_merchant(call.merchant_id))
    items = tuple(await call.engine.forwarding.waiting(call.merchant_id))
    waiting = sum(one.amount for one in items if one.state != "declined")
    cap = merchant.programme.offline.card_cap
    return AtRiskPage(items=items, waiting=waiting, cap=cap, currency=merchant.currency)


@routes.post(
    "/v1/payments/{payment_id}/at-risk",
    roles=MANAGER,
    right="resolve",
    summary="Say how a payment ended that the bank declined afterwards",
)
async def end_at_risk(call: Call, payment_id: str, body: EndedBody) -> None:
    """`paid` since, booked to what it was `paid_by`, or `lost`; your name and your reason go on record."""
    ending = call.engine.forwarding.end(
        call.merchant_id, payment_id, body.outcome, body.reason, paid_by=body.paid_by, by=call.by
    )
    await asyncio.shield(ending)


@routes.post(
    "/v1/payments/{payment_id}/reversing",
    roles=MANAGER,
    right="resolve",
    summary="Say how a payment or refund ended that is to go back and that no terminal can undo",
)
async def end_reversing(call: Call, payment_id: str, body: ReversedBody) -> None:
    """The terminal is asked once more first; else your word stands, with your name and your reason on record."""
    allowance = allowance_of(call.acting, "resolve", body.approval_id)
    resolving = call.engine.resolving.reversing(
        call.merchant_id, payment_id, body.outcome, body.reason, by=call.by, allowance=allowance
    )
    await asyncio.shield(resolving)


@routes.get("/v1/stations/{station_id}/means", roles=COUNTER, summary="The means of payment that are taken here")
async def means_here(call: Call, station_id: str) -> MeansHere:
    """Those of the settings that are set up: meal vouchers have their categories, transfers their account."""
    own_station(call, station_id)
    counter = await call.engine.places.counter(call.merchant_id, station_id)
    return MeansHere(items=counter.means, training=counter.training, floor_limit=counter.floor_limit)


@routes.get("/v1/settings/means", roles=READER, summary="The means of payment that the shop takes")
async def means(call: Call) -> MeansInUse:
    merchant = await call.services.sql.read(lambda: read_merchant(call.merchant_id))
    return MeansInUse(items=merchant.programme.means)


@routes.put("/v1/settings/means", roles=OWNER, right="setup", summary="Say which means of payment the shop takes")
async def set_means(call: Call, body: MeansInUse) -> MeansInUse:
    """Counters show these alone, and the server takes no other."""
    chosen = tuple(dict.fromkeys(body.items))
    await call.services.setup.set_means(call.merchant_id, chosen, by=call.by)
    await _told_to_counters(call)
    return MeansInUse(items=chosen)


@routes.get(
    "/v1/sessions/{session_id}/meal-voucher",
    roles=COUNTER,
    right="sell",
    summary="What meal vouchers may pay of the session's basket",
)
async def meal_voucher_here(call: Call, session_id: str) -> Payable:
    """The eligible lines after discounts, and what the customer's day has left."""
    await own_session(call, session_id)
    return await call.engine.checkout.meal_voucher(call.merchant_id, session_id)


@routes.get("/v1/settings/meal-vouchers", roles=READER, summary="What meal vouchers pay")
async def meal_vouchers(call: Call) -> MealVoucher:
    merchant = await call.services.sql.read(lambda: read_merchant(call.merchant_id))
    return merchant.programme.meal_voucher


@routes.put("/v1/settings/meal-vouchers", roles=OWNER, right="setup", summary="Say what meal vouchers pay")
async def set_meal_vouchers(call: Call, body: MealVoucher) -> MealVoucher:
    """Without a category they pay nothing, and no counter offers them."""
    await call.services.setup.set_meal_voucher(call.merchant_id, body, by=call.by)
    await _told_to_counters(call)
    return body


@routes.get("/v1/settings/offline", roles=READER, summary="How stations go on without the server")
async def offline_policy(call: Call) -> OfflinePolicy:
    merchant = await call.services.sql.read(lambda: read_merchant(call.merchant_id))
    return merchant.programme.offline


@routes.put("/v1/settings/offline", roles=OWNER, right="setup", summary="Say how stations go on without the server")
async def set_offline_policy(call: Call, body: OfflinePolicy) -> OfflinePolicy:
    await call.services.setup.set_offline(call.merchant_id, body, by=call.by)
    await _told_to_counters(call)
    return body


async def _told_to_counters(call: Call) -> None:
    """What they take, or how they go on without the server, was changed."""
    call.engine.places.forget()
    await call.services.live.means_changed(call.merchant_id)


@routes.get(
    "/v1/stations/{station_id}/offline-offers",
    roles=COUNTER,
    summary="The offers that the station may give while it cannot reach the server",
)
async def offline_offers(call: Call, station_id: str) -> LocalOffers:
    """Those that count nothing and need nobody known, with the products and the times they are for."""
    own_station(call, station_id)
    return await call.engine.local_offers.at(call.merchant_id, station_id)


@routes.post(
    "/v1/stations/{station_id}/offline-sales",
    roles=COUNTER,
    right="take_payment",
    summary="Record what the station sold for cash while the server was away",
)
async def offline_sales(call: Call, station_id: str, body: OfflineBody) -> OfflineAnswer:
    """Each once, by its `offline_id`, at its own time; one that cannot be recorded says why and stops no other."""
    own_station(call, station_id)
    recording = call.engine.offline.record(call.merchant_id, station_id, body.sales, by=call.by)
    return OfflineAnswer(items=tuple(await asyncio.shield(recording)))


@routes.post(
    "/v1/stations/{station_id}/offline-sales/dropped",
    roles=COUNTER,
    right="resolve",
    summary="Give up a sale made without the server that it refuses for good",
)
async def drop_offline_sale(call: Call, station_id: str, body: Dropped) -> None:
    """The device forgets it; what it was, your name and your reason go on record. A seller needs a consent."""
    own_station(call, station_id)
    allowance = allowance_of(call.acting, "resolve", body.approval_id)
    dropping = call.engine.dropped_sales.drop(call.merchant_id, station_id, body, by=call.by, allowance=allowance)
    await asyncio.shield(dropping)
