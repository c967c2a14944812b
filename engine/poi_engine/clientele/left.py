"""What is left on a record that nobody uses any more: a merged one's goes to who lives on, an erased one's lapses."""

from poi_engine import ledger
from poi_engine.clientele.rows import living
from poi_engine.ids import Ids
from poi_engine.ledger import POINTS, Move
from poi_engine.ports import Job, Query

STORED_VALUE = "stored_value"
_ACCOUNTS = ("points", "points_owed", "value_owed", "wallet")
_DEBTS = (("points", "points_owed", POINTS), ("wallet", "value_owed", STORED_VALUE))


def settle_left(merchant_id: str, customer_id: str | None, *, ids: Ids, at: int) -> Job[None]:
    """After a payment or its end: a record that was merged or erased meanwhile keeps nothing."""
    if customer_id is None:
        return
    rows = yield Query(
        "select merged_into, erased_at from customer where merchant_id = ? and customer_id = ? "
        "and (merged_into is not null or erased_at is not null)",
        (merchant_id, customer_id),
    )
    if rows:
        yield from _settle(merchant_id, customer_id, ids, at)


def _settle(merchant_id: str, customer_id: str, ids: Ids, at: int) -> Job[None]:
    person = yield from living(merchant_id, customer_id)
    if person.customer_id != customer_id:
        yield from _move_figures(merchant_id, customer_id, person.customer_id)
        yield from _move_coupons(merchant_id, customer_id, person.customer_id)
        yield from move_accounts(merchant_id, customer_id, person.customer_id, ids.new("mrg"), ids=ids, at=at)
    if person.erased:
        yield from lapse(merchant_id, person.customer_id, ids.new("lap"), ids=ids, at=at)
    elif person.customer_id != customer_id:
        yield from net_debts(merchant_id, person.customer_id, ids.new("mrg"), ids=ids, at=at)


def move_accounts(
    merchant_id: str, customer_id: str, target: str, transfer_group: str, *, ids: Ids, at: int
) -> Job[None]:
    """Points, stored value and debts that nothing holds, by ledger transfers."""
    moves = [
        Move(kind="merge", debit=f"{name}:{customer_id}", credit=f"{name}:{target}", amount=amount, unit=unit)
        for name, amount, unit in (yield from _free(merchant_id, customer_id))
    ]
    yield from ledger.enter(merchant_id, transfer_group, moves, ids=ids, at=at)


def net_debts(merchant_id: str, customer_id: str, transfer_group: str, *, ids: Ids, at: int) -> Job[None]:
    """Debts are paid first: what one record owed is taken from what the other one had."""
    free = {name: (amount, unit) for name, amount, unit in (yield from _free(merchant_id, customer_id))}
    moves = []
    for asset, debt, issuer in _DEBTS:
        amount = min(free.get(asset, (0, ""))[0], free.get(debt, (0, ""))[0])
        if amount > 0:
            unit = free[asset][1]
            moves += [
                Move(kind="merge", debit=f"{name}:{customer_id}", credit=issuer, amount=amount, unit=unit)
                for name in (asset, debt)
            ]
    yield from ledger.enter(merchant_id, transfer_group, moves, ids=ids, at=at)


def lapse(merchant_id: str, customer_id: str, transfer_group: str, *, ids: Ids, at: int) -> Job[dict[str, int]]:
    """Nobody's balances go back to their issuers, debts are written off, coupons end. Returns what lapsed."""
    free = yield from _free(merchant_id, customer_id)
    moves = [
        Move(kind="lapse", debit=f"{name}:{customer_id}", credit=_issuer(name), amount=amount, unit=unit)
        for name, amount, unit in free
    ]
    yield from ledger.enter(merchant_id, transfer_group, moves, ids=ids, at=at)
    yield Query(
        "update coupon set voided_at = ? where merchant_id = ? and customer_id = ? and used_at is null "
        "and voided_at is null",
        (at, merchant_id, customer_id),
    )
    return {name: amount for name, amount, _ in free}


def _issuer(name: str) -> str:
    return POINTS if name.startswith("points") else STORED_VALUE


def _free(merchant_id: str, customer_id: str) -> Job[list[tuple[str, int, str]]]:
    """Name, amount and unit of every balance that nothing holds; the accounts are locked, in their order."""
    found = []
    for name in _ACCOUNTS:
        rows = yield Query(
            "update account set floor = floor where merchant_id = ? and account = ? "
            "returning credits - debits - debits_pending as available, unit",
            (merchant_id, f"{name}:{customer_id}"),
        )
        found += [(name, int(row["available"]), str(row["unit"])) for row in rows if row["available"] > 0]
    return found


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
