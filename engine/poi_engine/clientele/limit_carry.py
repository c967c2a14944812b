"""Limits per customer follow a merged person: what one record used up counts for the record that lives on.

What a record used stays in its own bucket, where its sales can be refunded. The living record's bucket is charged the
same amount on top, as far as there is room: it then has as little left as the person has.
"""

from collections.abc import Iterable

from poi_engine import ledger
from poi_engine.checkout.frozen import Claim
from poi_engine.clientele.rows import Living
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query


def carry_limits(merchant_id: str, person: Living, claims: Iterable[Claim], *, ids: Ids, at: int) -> Job[None]:
    """Bring the living record's buckets of these claims up to date with what the absorbed records used."""
    wanted = {}
    for claim in claims:
        pattern = _pattern(claim.key, person)
        if pattern is not None:
            wanted[pattern] = claim
    for pattern, claim in sorted(wanted.items()):
        yield from _carry(merchant_id, person, pattern, claim, ids, at)


def _pattern(key: str, person: Living) -> str | None:
    """The key with its owner left out; None when it counts for somebody else, or for nobody."""
    for customer_id in person.family:
        if f":customer:{customer_id}:" in key:
            return key.replace(f":customer:{customer_id}:", ":customer:{}:")
    return None


def _carry(merchant_id: str, person: Living, pattern: str, claim: Claim, ids: Ids, at: int) -> Job[None]:
    key = pattern.format(person.customer_id)
    account = ledger.limit_account(key)
    used = 0
    for customer_id in person.absorbed:
        used += yield from _used(merchant_id, ledger.limit_account(pattern.format(customer_id)))
    carried = yield from _carried(merchant_id, account)
    if used == carried:
        return
    if not (yield from ledger.funded(merchant_id, account)):
        yield from ledger.fund_limit(merchant_id, account, claim.unit, claim.cap, ids=ids, at=at)
    room = yield from _room(merchant_id, account)
    change = min(used - carried, room)
    if change:
        move = ledger.limit_use if change > 0 else ledger.limit_return
        yield from ledger.enter(merchant_id, f"carry:{account}", [move(key, abs(change), claim.unit)], ids=ids, at=at)


def _used(merchant_id: str, account: str) -> Job[int]:
    """What the record's own sales used, without what was carried to it from others."""
    given = yield from ledger.funded(merchant_id, account)
    left = yield from ledger.balance(merchant_id, account)
    return given - left.posted - (yield from _carried(merchant_id, account))


def _carried(merchant_id: str, account: str) -> Job[int]:
    transfers = yield from ledger.transfers_of(merchant_id, f"carry:{account}")
    return sum(move.amount if move.debit == account else -move.amount for move in transfers)


def _room(merchant_id: str, account: str) -> Job[int]:
    rows = yield Query(
        "update account set floor = floor where merchant_id = ? and account = ? "
        "returning credits - debits - debits_pending as available",
        (merchant_id, account),
    )
    return int(rows[0]["available"])
