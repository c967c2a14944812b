"""Jobs of the acceptance: reserve durably, let go again. All in the caller's transaction."""

from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine import ledger, limits
from poi_engine.checkout.confirmation import give_back_confirmation, must_be_confirmed
from poi_engine.checkout.frozen import Claim, Frozen, coupons_wanted, decode, encode, holds, moves_value
from poi_engine.clientele.left import settle_left
from poi_engine.clientele.limit_carry import carry_limits, carry_steps, is_personal
from poi_engine.clientele.rows import Living, lock_living
from poi_engine.errors import Conflict
from poi_engine.fiscal.day import must_be_open
from poi_engine.goods.stock import Wanted, hold_steps, stock_held, tracked_of
from poi_engine.ids import Ids
from poi_engine.ledger import Step
from poi_engine.orders.fulfilment import Fulfilment, placed
from poi_engine.orders.holds import give_back_orders, lock_orders, take_orders
from poi_engine.orders.rows import UNUSED, OrderRow, end_contact, keep_contact, must_have_address
from poi_engine.ports import Job, Query, Row
from poi_engine.together import together
from poi_engine.value.lines import must_be_loadable
from poi_engine.wiring import Trace


class Taken(Conflict):
    """What the decision counted on is gone; decide again."""

    def __init__(self, what: str) -> None:
        super().__init__("decide-again", f"{what} Decide again and ask the customer again.")


class Unready(Conflict):
    """Something has to be done before, in a transaction of its own: it locks rows in another order.

    `earlier` is a reservation of the same session to let go; `limits` are to be brought to their caps.
    """

    def __init__(self, *, earlier: str | None = None, limits: tuple[Claim, ...] = ()) -> None:
        super().__init__("session-busy", "This session is changing too fast; try again.")
        self.earlier, self.limits = earlier, limits


class _Proved(Struct, frozen=True):
    """The part of an identity that letting go needs."""

    proof: str = ""


class _Identified(Struct, frozen=True):
    """The part of a session that letting go needs."""

    identity: _Proved | None = None
    fulfilments: tuple[Fulfilment, ...] = ()
    contact_id: str | None = None


class _Held(Struct, frozen=True):
    """The part of any checkout's document that letting go needs."""

    coupons: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    session: _Identified = _Identified()


_STANDING = {"paid": 2, "unknown": 1, "paying": 1, "part_paid": 1, "reserved": 1}


def checkout_of(decision_id: str) -> str:
    """A decision has one checkout, so accepting it twice is accepting it once."""
    return f"chk_{decision_id.partition('_')[2]}"


def reserve(
    merchant_id: str,
    checkout_id: str,
    frozen: Frozen,
    *,
    ready: Collection[str] = (),
    state: Literal["reserved", "paying"] = "reserved",
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[Frozen]:
    """Write the frozen checkout and hold limits, points, goods and coupons, all or none. Repeating changes nothing.

    `paying`: for a payment that is begun in the same transaction.

    Raises `ledger.Insufficient` when a limit or the points have gone, `Taken` when a coupon or the code has, and
    `Unready`; limits that are `ready` by their keys are taken as they are.
    """
    trace("accept.job")
    _, before, wanting, person = yield from together(
        must_be_open(merchant_id, frozen.session.station_id, at),
        _reserved_before(merchant_id, checkout_id, state, at),
        _wanting(merchant_id, frozen, ready),
        _lock_customer(merchant_id, frozen),
    )
    if before is not None:
        return before
    if wanting:
        raise Unready(limits=wanting)
    if person is not None and person.customer_id != frozen.customer_id:
        raise Taken("Two records of this customer have become one.")
    trace("accept.funded")
    wanted = goods_wanted(frozen)
    newest, tracked = yield from together(
        latest(merchant_id, frozen.session.session_id), tracked_of(merchant_id, [one.code for one in wanted])
    )
    _must_be_alone(newest, checkout_id)
    trace("accept.alone")
    coupons = yield from _take_coupons(merchant_id, frozen, at)
    frozen = replace(frozen, coupons=coupons)
    if not (yield from _insert(merchant_id, checkout_id, frozen, state, at)):
        raise Conflict("already-accepted", "This decision was accepted before.")
    trace("accept.inserted")
    if moves_value(frozen):
        yield from use_proof(merchant_id, checkout_id, frozen, at)
    trace("accept.proved")
    yield from _must_have_address(merchant_id, frozen)
    freed = yield from take_orders(merchant_id, checkout_id, frozen.session.fulfilments)
    who_loads = person.customer_id if person else None
    items, currency = frozen.session.basket.items, frozen.decision.currency
    loads = yield from must_be_loadable(merchant_id, items, who_loads, currency, at)
    trace("accept.orders")
    goods = yield from hold_steps(
        merchant_id, checkout_id, wanted, frozen.accepted_by, tracked=tracked, freed=freed.goods, ids=ids, at=at
    )
    own = yield from _own_limits(merchant_id, person, frozen)
    held = Step(checkout_id=checkout_id, phase="pending", moves=(*holds(frozen), *loads))
    yield from ledger.change(merchant_id, [*own, *freed.steps, *goods, held], ids=ids, at=at)
    yield from keep_contact(merchant_id, frozen.session.contact_id, None)  # a payment may be in doubt for days
    if moves_value(frozen):  # whoever has too little is not asked
        yield from must_be_confirmed(merchant_id, checkout_id, frozen, 0, at)
    trace("accept.held")
    return frozen


def fund(merchant_id: str, claims: Iterable[Claim], *, ids: Ids, at: int) -> Job[None]:
    """Bring these limits to their caps."""
    for claim in claims:
        account = limits.limit_account(claim.key)
        yield from limits.fund_limit(merchant_id, account, claim.unit, claim.cap, ids=ids, at=at)


def carry_claims(merchant_id: str, frozen: Frozen, *, ids: Ids, at: int) -> Job[None]:
    """What the absorbed records of this customer used of these limits counts in the decisions to come."""
    person = (yield from lock_living(merchant_id, frozen.customer_id)) if frozen.customer_id else None
    if person is not None and person.absorbed:
        steps = yield from carry_steps(merchant_id, person, frozen.claims, fund=True)
        yield from ledger.change(merchant_id, steps, ids=ids, at=at)


def goods_wanted(frozen: Frozen) -> list[Wanted]:
    """What the basket takes from stock: what lies on the counter of the station's store, and what is ordered."""
    session = frozen.session
    ordered = {one.line_id: one.place for one in session.fulfilments}
    return [
        Wanted(
            code=item.code,
            place=ordered.get(item.line_id, session.store_id),
            quantity=item.quantity,
            in_hand=item.line_id not in ordered,
        )
        for item in session.basket.items
        if item.code
    ]


def release(
    merchant_id: str, checkout_id: str, state: str, from_states: tuple[str, ...], *, ids: Ids, at: int, trace: Trace
) -> Job[bool]:
    """End a checkout without a sale: everything it held is free again. False when it had ended or is elsewhere."""
    marks = ", ".join("?" * len(from_states))
    trace("void.job")
    rows = yield Query(
        "update checkout set state = ?, changed_at = ? where merchant_id = ? and checkout_id = ? "
        f"and state in ({marks}) returning document, customer_id, session_id",
        (state, at, merchant_id, checkout_id, *from_states),
    )
    if not rows:
        return False
    trace("void.marked")
    held = json.decode(rows[0]["document"], type=_Held)
    customer_id = rows[0]["customer_id"]
    person = (yield from lock_living(merchant_id, customer_id)) if customer_id else None
    orders = yield from lock_orders(merchant_id, placed(held.session.fulfilments))
    steps = yield from _letting_go(merchant_id, checkout_id, orders, ids, at)
    yield from ledger.change(merchant_id, steps, ids=ids, at=at)
    if person is not None:
        yield from carry_limits(merchant_id, person, held.claims, ids=ids, at=at)
        yield from settle_left(merchant_id, customer_id, person, ids=ids, at=at)
        yield give_back_confirmation(merchant_id, rows[0]["session_id"], checkout_id)
    trace("void.let-go")
    yield from _give_back_coupons(merchant_id, held.coupons)
    yield from _give_back_proof(merchant_id, checkout_id, held.session.identity)
    yield from end_contact(merchant_id, held.session.contact_id, at + UNUSED)
    trace("void.done")
    return True


def latest(merchant_id: str, session_id: str) -> Job[Row | None]:
    """The checkout that stands for the session: the paid one, else the open one, else the newest that ended."""
    rows = yield Query(
        "select checkout_id, state, sale_id, station_id, total, created_at from checkout where merchant_id = ? "
        "and session_id = ?",
        (merchant_id, session_id),
    )
    return max(rows, key=_standing) if rows else None


def _standing(row: Row) -> tuple[int, int, str]:
    return _STANDING.get(row["state"], 0), row["created_at"], row["checkout_id"]


def read_frozen(merchant_id: str, checkout_id: str) -> Job[Frozen]:
    """The checkout's document."""
    rows = yield Query(
        "select document from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    return decode(rows[0]["document"])


def use_proof(merchant_id: str, checkout_id: str, frozen: Frozen, at: int) -> Job[None]:
    """One code authorises one spend: the code's row is unique, whatever else forgot it."""
    identity = frozen.session.identity
    if identity is None or not identity.proof:
        return
    rows = yield Query(
        "insert into token_use (merchant_id, token, checkout_id, used_at) values (?, ?, ?, ?) "
        "on conflict (merchant_id, token) do update set used_at = token_use.used_at returning checkout_id",
        (merchant_id, identity.proof, checkout_id, at),
    )
    if rows[0]["checkout_id"] != checkout_id:
        raise Conflict("token-replayed", "This code has authorised another payment; show a new one.")


def _reserved_before(merchant_id: str, checkout_id: str, state: str, at: int) -> Job[Frozen | None]:
    """What a first acceptance reserved that was never shown: the process was killed in between."""
    rows = yield Query(
        "update checkout set state = ?, changed_at = case when ? = state then changed_at else ? end "
        "where merchant_id = ? and checkout_id = ? and state = 'reserved' returning document",
        (state, state, at, merchant_id, checkout_id),
    )
    return decode(rows[0]["document"]) if rows else None


def _wanting(merchant_id: str, frozen: Frozen, ready: Collection[str]) -> Job[tuple[Claim, ...]]:
    """Limits that many share and that have not their cap; those of one customer are brought to it under their lock."""
    wanting = []
    for claim in frozen.claims:
        if is_personal(claim) or claim.key in ready:
            continue
        if (yield from limits.funded(merchant_id, limits.limit_account(claim.key))) != claim.cap:
            wanting.append(claim)
    return tuple(wanting)


def _lock_customer(merchant_id: str, frozen: Frozen) -> Job[Living | None]:
    return (yield from lock_living(merchant_id, frozen.customer_id)) if frozen.customer_id is not None else None


def _own_limits(merchant_id: str, person: Living | None, frozen: Frozen) -> Job[list[Step]]:
    """Bring the customer's own limits to their caps, and charge them what absorbed records used."""
    if person is None:
        return []
    return (yield from carry_steps(merchant_id, person, frozen.claims, fund=True))


def _must_have_address(merchant_id: str, frozen: Frozen) -> Job[None]:
    """What is brought needs somebody to bring it to."""
    if any(one.how == "delivery" for one in frozen.session.fulfilments):
        yield from must_have_address(merchant_id, frozen.session.contact_id)


def _letting_go(merchant_id: str, checkout_id: str, orders: list[OrderRow], ids: Ids, at: int) -> Job[list[Step]]:
    """The checkout's hold ends; the orders it was to pay hold their goods again."""
    steps = [Step(checkout_id=checkout_id, phase="void")]
    if orders:
        freed = stock_held((yield from ledger.pending_of(merchant_id, checkout_id)))
        steps += yield from give_back_orders(merchant_id, checkout_id, orders, freed, ids=ids, at=at)
    return steps


def _must_be_alone(newest: Row | None, checkout_id: str) -> None:
    """A session has one open checkout: a new acceptance ends an earlier one, unless that is being paid."""
    if newest is None or newest["checkout_id"] == checkout_id:
        return
    if newest["state"] in ("paid", "paying", "unknown", "part_paid"):
        raise Conflict("payment-under-way", "This session is being paid, or is paid.")
    if newest["state"] == "reserved":
        raise Unready(earlier=newest["checkout_id"])


def _insert(merchant_id: str, checkout_id: str, frozen: Frozen, state: str, at: int) -> Job[bool]:
    session = frozen.session
    rows = yield Query(
        "insert into checkout (merchant_id, checkout_id, session_id, store_id, station_id, customer_id, state, total, "
        "currency, document, created_at, changed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict (merchant_id, checkout_id) do nothing returning checkout_id",
        (
            *(merchant_id, checkout_id, session.session_id, session.store_id, session.station_id, frozen.customer_id),
            *(state, frozen.decision.total, frozen.decision.currency, encode(frozen), at, at),
        ),
    )
    return bool(rows)


def _take_coupons(merchant_id: str, frozen: Frozen, at: int) -> Job[tuple[str, ...]]:
    taken = []
    for offer_id in coupons_wanted(frozen.session):
        rows = yield Query(
            "select code from coupon where merchant_id = ? and customer_id = ? and offer_id = ? and used_at is null "
            "and voided_at is null and expires_at > ? order by expires_at, code limit 1",
            (merchant_id, frozen.customer_id, offer_id, at),
        )
        for row in rows:
            rows = yield Query(
                "update coupon set used_at = ? where merchant_id = ? and code = ? and used_at is null returning code",
                (at, merchant_id, row["code"]),
            )
        if not rows:
            raise Taken("The coupon has been used.")
        taken.append(rows[0]["code"])
    return tuple(taken)


def _give_back_coupons(merchant_id: str, codes: tuple[str, ...]) -> Job[None]:
    for code in codes:
        yield Query("update coupon set used_at = null where merchant_id = ? and code = ?", (merchant_id, code))


def _give_back_proof(merchant_id: str, checkout_id: str, identity: _Proved | None) -> Job[None]:
    """The code may authorise again, unless another checkout has used it."""
    if identity is not None and identity.proof:
        yield Query(
            "delete from token_use where merchant_id = ? and token = ? and checkout_id = ?",
            (merchant_id, identity.proof, checkout_id),
        )
