"""Offers' limits in the ledger: an account each, given its cap, from which uses or money are taken."""

from collections import defaultdict

from poi_engine.ids import Ids
from poi_engine.ledger import Move, Step, change, lock
from poi_engine.ports import Job, Query


def limit_account(limit_key: str) -> str:
    """The account of a limit's bucket; its balance is what is left."""
    return f"limit:{limit_key}"


def limit_use(limit_key: str, amount: int, unit: str) -> Move:
    """Take `amount` from a limit: `uses`, or minor units of a currency."""
    return Move(kind="limit", debit=limit_account(limit_key), credit=f"limits_used:{unit}", amount=amount, unit=unit)


def limit_return(limit_key: str, amount: int, unit: str) -> Move:
    """Give back `amount` that a fully returned sale took from a limit: `uses`, or minor units of a currency."""
    return Move(kind="limit", debit=f"limits_used:{unit}", credit=limit_account(limit_key), amount=amount, unit=unit)


def fund_limit(m: str, account: str, unit: str, cap: int, *, ids: Ids, at: int) -> Job[None]:
    """Bring what a limit was given to `cap`: harmless when it is, more when a newer version raises the cap.

    A lowered cap takes back what is left, as far as the new cap allows.
    """
    if (yield from funded(m, account)) == cap:
        return
    available = yield from lock(m, account, unit)  # a second process waits here, then sees what the first has given
    yield from change(m, (yield from funding(m, account, unit, cap, available)), ids=ids, at=at)


def funding(m: str, account: str, unit: str, cap: int, available: int) -> Job[list[Step]]:
    """The step that brings a limit to its cap, if it takes one; the account, or whose it is, is locked."""
    missing = cap - (yield from funded(m, account))
    source, amount = f"limits:{unit}", missing
    debit, credit = source, account
    if missing < 0:
        debit, credit, amount = account, source, min(-missing, available)
    if amount <= 0:
        return []
    given = Move(kind="fund", debit=debit, credit=credit, amount=amount, unit=unit)
    return [Step(checkout_id=f"fund:{account}", phase="single", moves=(given,))]


def funded(m: str, account: str) -> Job[int]:
    """What a limit's account was given in all."""
    rows = yield Query(
        "select credit, amount from transfer where merchant_id = ? and checkout_id = ?", (m, f"fund:{account}")
    )
    totals: defaultdict[bool, int] = defaultdict(int)
    for row in rows:
        totals[row["credit"] == account] += row["amount"]
    return totals[True] - totals[False]
