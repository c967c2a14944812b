"""What is left on a record that nobody uses any more: a merged one's goes to who lives on, an erased one's lapses."""

from poi_engine import ledger
from poi_engine.clientele.rows import Living, lock_living, marks
from poi_engine.ids import Ids
from poi_engine.ledger import POINTS, Move, Step
from poi_engine.ports import Job, Query

STORED_VALUE = "stored_value"
_ACCOUNTS = ("points", "points_owed", "value_owed", "wallet")
_DEBTS = (("points", "points_owed", POINTS), ("wallet", "value_owed", STORED_VALUE))


def settle_left(merchant_id: str, customer_id: str, person: Living | None = None, *, ids: Ids, at: int) -> Job[None]:
    """After a payment or its end: a record that was merged or erased meanwhile keeps nothing.

    `person` is who lives on for it, if the caller has locked them.
    """
    if person is None:
        person = yield from lock_living(merchant_id, customer_id)
    if person.customer_id != customer_id:
        yield from _move_figures(merchant_id, customer_id, person.customer_id)
        yield from _move_coupons(merchant_id, customer_id, person.customer_id)
        steps = yield from handing_over(merchant_id, customer_id, person.customer_id, ids.new("mrg"))
        yield from ledger.change(merchant_id, steps, ids=ids, at=at)
    if person.erased:
        steps, _ = yield from lapsing(merchant_id, (person.customer_id,), ids)
        yield from ledger.change(merchant_id, steps, ids=ids, at=at)
        yield _void_coupons(merchant_id, person.customer_id, at)


def handing_over(merchant_id: str, customer_id: str, target: str, transfer_group: str) -> Job[list[Step]]:
    """The step that moves points, stored value and debts that nothing holds, and pays the debts first."""
    free = yield from _free(merchant_id, customer_id)
    moves = [
        Move(kind="merge", debit=f"{name}:{customer_id}", credit=f"{name}:{target}", amount=amount, unit=unit)
        for name, (amount, unit) in free.items()
    ]
    joint = yield from _free(merchant_id, target)
    for name, (amount, unit) in free.items():
        joint[name] = (amount + joint.get(name, (0, unit))[0], unit)
    for asset, debt, issuer in _DEBTS:
        amount = min(joint.get(asset, (0, ""))[0], joint.get(debt, (0, ""))[0])
        if amount > 0:
            unit = joint[asset][1]
            moves += [
                Move(kind="merge", debit=f"{name}:{target}", credit=issuer, amount=amount, unit=unit)
                for name in (asset, debt)
            ]
    return [Step(checkout_id=transfer_group, phase="single", moves=tuple(moves))]


def lapse(merchant_id: str, family: tuple[str, ...], steps: list[Step], *, ids: Ids, at: int) -> Job[dict[str, int]]:
    """Nobody's balances go back to their issuers, debts are written off, coupons end. Returns what lapsed.

    `steps` are made with it: what the person's orders hold is let go.
    """
    lapses, lapsed = yield from lapsing(merchant_id, family, ids)
    yield from ledger.change(merchant_id, [*steps, *lapses], ids=ids, at=at)
    for customer_id in family:
        yield _void_coupons(merchant_id, customer_id, at)
    return lapsed


def lapsing(merchant_id: str, family: tuple[str, ...], ids: Ids) -> Job[tuple[list[Step], dict[str, int]]]:
    """The steps by which balances go back to their issuers, and what lapses with them."""
    steps, lapsed = list[Step](), dict[str, int]()
    for customer_id in family:
        free = yield from _free(merchant_id, customer_id)
        moves = tuple(
            Move(kind="lapse", debit=f"{name}:{customer_id}", credit=_issuer(name), amount=amount, unit=unit)
            for name, (amount, unit) in free.items()
        )
        steps.append(Step(checkout_id=ids.new("lap"), phase="single", moves=moves))
        for name, (amount, _) in free.items():
            lapsed[name] = lapsed.get(name, 0) + amount
    return steps, lapsed


def _void_coupons(merchant_id: str, customer_id: str, at: int) -> Query:
    return Query(
        "update coupon set voided_at = ? where merchant_id = ? and customer_id = ? and used_at is null "
        "and voided_at is null",
        (at, merchant_id, customer_id),
    )


def _issuer(name: str) -> str:
    return POINTS if name.startswith("points") else STORED_VALUE


def _free(merchant_id: str, customer_id: str) -> Job[dict[str, tuple[int, str]]]:
    """Amount and unit of every balance that nothing holds, by name; the customer's row is locked."""
    names = [f"{name}:{customer_id}" for name in _ACCOUNTS]
    rows = yield Query(
        "select account, unit, credits - debits - debits_pending as available from account where merchant_id = ? "
        f"and account in ({marks(tuple(names))}) order by account",
        (merchant_id, *names),
    )
    found = [(row["account"].partition(":")[0], row["available"], row["unit"]) for row in rows]
    return {name: (amount, unit) for name, amount, unit in found if amount > 0}


def _move_figures(merchant_id: str, customer_id: str, target: str) -> Job[None]:
    """A visit that was counted on the absorbed record in the moment of the merge."""
    rows = yield Query(
        "select visits, spend, last_visit_at from customer where merchant_id = ? and customer_id = ? "
        "and (visits <> 0 or spend <> 0)",
        (merchant_id, customer_id),
    )
    for row in rows:
        yield Query(
            "update customer set visits = 0, spend = 0 where merchant_id = ? and customer_id = ?",
            (merchant_id, customer_id),
        )
        yield Query(
            "update customer set visits = visits + ?, spend = spend + ?, last_visit_at = "
            "case when coalesce(last_visit_at, 0) < ? then ? else last_visit_at end "
            "where merchant_id = ? and customer_id = ?",
            (row["visits"], row["spend"], *([row["last_visit_at"] or 0] * 2), merchant_id, target),
        )


def _move_coupons(merchant_id: str, customer_id: str, target: str) -> Job[None]:
    yield Query(
        "update coupon set customer_id = ? where merchant_id = ? and customer_id = ?",
        (target, merchant_id, customer_id),
    )
