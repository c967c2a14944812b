"""Limits per customer follow a merged person: what one record used up counts for the record that lives on.

What a record used, or holds for a payment without an end, stays in its own bucket, where its sales can be refunded. The
living record's bucket is charged the same amount on top, as far as there is room: it then has as little left as the
person has. All of it under the lock of the customer's row.
"""

from collections.abc import Iterable

from poi_engine import ledger, limits
from poi_engine.checkout.frozen import Claim
from poi_engine.clientele.rows import Living
from poi_engine.ids import Ids
from poi_engine.ledger import Step
from poi_engine.ports import Job


def is_personal(claim: Claim) -> bool:
    """Whether the limit is one customer's own."""
    return ":customer:" in claim.key


def carry_limits(merchant_id: str, person: Living, claims: Iterable[Claim], *, ids: Ids, at: int) -> Job[None]:
    """Bring the living record's buckets of these claims up to date with what the absorbed records used."""
    if person.absorbed:
        yield from ledger.change(merchant_id, (yield from carry_steps(merchant_id, person, claims)), ids=ids, at=at)


def carry_steps(merchant_id: str, person: Living, claims: Iterable[Claim], *, fund: bool = False) -> Job[list[Step]]:
    """The steps that do it; `fund`: bring the living record's own buckets to the claims' caps, too."""
    wanted = {}
    for claim in claims:
        pattern = _pattern(claim.key, person)
        if pattern is not None:
            wanted[pattern] = claim
    steps: list[Step] = []
    for pattern, claim in sorted(wanted.items()):
        steps += yield from _carry(merchant_id, person, pattern, claim, fund)
    return steps


def _pattern(key: str, person: Living) -> str | None:
    """The key with its owner left out; None when it counts for somebody else, or for nobody."""
    for customer_id in person.family:
        if f":customer:{customer_id}:" in key:
            return key.replace(f":customer:{customer_id}:", ":customer:{}:")
    return None


def _carry(merchant_id: str, person: Living, pattern: str, claim: Claim, fund: bool) -> Job[list[Step]]:
    key = pattern.format(person.customer_id)
    account = limits.limit_account(key)
    used = 0
    for customer_id in person.absorbed:
        used += yield from _used(merchant_id, limits.limit_account(pattern.format(customer_id)))
    carried = (yield from _carried(merchant_id, account)) if person.absorbed else 0
    given = yield from limits.funded(merchant_id, account)
    if used == carried and (given == claim.cap or not fund):
        return []
    available = (yield from ledger.balance(merchant_id, account)).available
    steps = list[Step]()
    if fund or not given:
        steps += yield from limits.funding(merchant_id, account, claim.unit, claim.cap, available)
        available += sum(move.amount if move.credit == account else -move.amount for move in _moves(steps))
    change = min(used - carried, available)
    if change:
        move = (limits.limit_use if change > 0 else limits.limit_return)(key, abs(change), claim.unit)
        steps.append(Step(checkout_id=f"carry:{account}", phase="single", moves=(move,)))
    return steps


def _moves(steps: Iterable[Step]) -> list[ledger.Move]:
    return [move for step in steps for move in step.moves]


def _used(merchant_id: str, account: str) -> Job[int]:
    """What the record's own sales used or hold, without what was carried to it from others."""
    given = yield from limits.funded(merchant_id, account)
    left = yield from ledger.balance(merchant_id, account)
    return given - left.available - (yield from _carried(merchant_id, account))


def _carried(merchant_id: str, account: str) -> Job[int]:
    transfers = yield from ledger.transfers_of(merchant_id, f"carry:{account}")
    return sum(move.amount if move.debit == account else -move.amount for move in transfers)
