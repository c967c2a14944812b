"""The ledger: two-phase transfers between accounts, double entry, never edited.

A transfer debits one account and credits another with the same amount (minor units of a currency, points, or uses). A
pending transfer holds the amount until it is posted or voided, once. An account with a floor never goes below zero,
its pending debits counted; SQL itself sees to that, so it holds for any number of processes.

The rules (`floor_of`, `effects`) are pure; the rest are jobs for `Sql.write` and `Sql.read`, composed by `yield from`.
Accounts are always changed in the order of their names, which keeps deadlocks away.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from poi_engine.errors import Conflict, InternalError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row

USES = "uses"
POINTS = "points"
_FLOORED = ("limit:", "points:", "points_owed:", "wallet:", "value_owed:", "stock:")

Phase = Literal["single", "pending", "post", "void"]


class Move(Struct, frozen=True, kw_only=True):
    """One transfer to make. `amount` > 0 counts what `unit` says: an ISO 4217 code, `points`, `uses` or `stock`."""

    kind: str
    debit: str
    credit: str
    amount: int
    unit: str


class Transfer(Struct, frozen=True, kw_only=True):
    """One transfer as it is recorded."""

    transfer_id: str
    checkout_id: str
    kind: str
    phase: Phase
    resolves: str | None
    debit: str
    credit: str
    amount: int
    unit: str
    created_at: int


class Balance(Struct, frozen=True, kw_only=True):
    """`posted` without holds, `pending` what is held, `available` what can still be spent."""

    posted: int = 0
    pending: int = 0
    available: int = 0


class Effect(Struct, kw_only=True):
    """What a set of transfers changes on one account."""

    unit: str
    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0


class Insufficient(Conflict):
    """An account has less than a move asks for: `missing` minor units, points or uses."""

    def __init__(self, account: str, missing: int) -> None:
        super().__init__("insufficient", f"The account {account!r} is short of {missing}.")
        self.account = account
        self.missing = missing


# --- rules ---------------------------------------------------------------------------------------------------------


def floor_of(account: str) -> bool:
    """Whether the account's balance never goes below zero; issuers (`points`, `limits:uses`, `sales:...`) may."""
    return account.startswith(_FLOORED)


def limit_account(limit_key: str) -> str:
    """The account of a limit's bucket; its balance is what is left."""
    return f"limit:{limit_key}"


def limit_use(limit_key: str, amount: int, unit: str) -> Move:
    """Take `amount` from a limit: `uses`, or minor units of a currency."""
    return Move(kind="limit", debit=limit_account(limit_key), credit=f"limits_used:{unit}", amount=amount, unit=unit)


def limit_return(limit_key: str, amount: int, unit: str) -> Move:
    """Give back what a fully returned sale took from a limit."""
    return Move(kind="limit", debit=f"limits_used:{unit}", credit=limit_account(limit_key), amount=amount, unit=unit)


def effects(moves: Iterable[Move | Transfer], phase: Phase) -> list[tuple[str, Effect]]:
    """The change of every account, by account name; the changes of all accounts add up to zero in each unit."""
    by_account: dict[str, Effect] = {}
    for move in moves:
        debit = _effect(by_account, move.debit, move.unit)
        credit = _effect(by_account, move.credit, move.unit)
        if phase in ("single", "post"):
            debit.debits += move.amount
            credit.credits += move.amount
        held = {"pending": move.amount, "post": -move.amount, "void": -move.amount}.get(phase, 0)
        debit.debits_pending += held
        credit.credits_pending += held
    return sorted(by_account.items())


def _effect(by_account: dict[str, Effect], account: str, unit: str) -> Effect:
    effect = by_account.setdefault(account, Effect(unit=unit))
    if effect.unit != unit:
        raise InternalError("ledger-unit", f"The account {account!r} cannot hold both {effect.unit} and {unit}.")
    return effect


def _check(moves: Sequence[Move]) -> None:
    for move in moves:
        if move.amount <= 0 or move.debit == move.credit:
            raise InternalError("ledger-move", f"A move needs an amount above zero and two accounts: {move}.")


# --- jobs ----------------------------------------------------------------------------------------------------------


def open_account(m: str, account: str, unit: str, *, floor: bool) -> Job[None]:
    """Make the account if it is not there."""
    yield Query(
        "insert into account (merchant_id, account, unit, floor) values (?, ?, ?, ?)"
        " on conflict (merchant_id, account) do nothing",
        (m, account, unit, int(floor)),
    )


def hold(m: str, checkout_id: str, moves: Sequence[Move], *, ids: Ids, at: int) -> Job[None]:
    """Reserve: a pending transfer for each move, all or none. Raises `Insufficient`. `at` in microseconds."""
    yield from _make(m, checkout_id, moves, "pending", ids, at)


def enter(m: str, checkout_id: str, moves: Sequence[Move], *, ids: Ids, at: int) -> Job[None]:
    """Make final transfers at once, all or none. Raises `Insufficient`. `at` in microseconds."""
    yield from _make(m, checkout_id, moves, "single", ids, at)


def post(m: str, checkout_id: str, *, ids: Ids, at: int) -> Job[int]:
    """Make final every pending transfer of the checkout that is still open; returns how many."""
    return (yield from _resolve(m, checkout_id, "post", ids, at))


def void(m: str, checkout_id: str, *, ids: Ids, at: int) -> Job[int]:
    """Let go every pending transfer of the checkout that is still open; returns how many."""
    return (yield from _resolve(m, checkout_id, "void", ids, at))


def fund_limit(m: str, account: str, unit: str, cap: int, *, ids: Ids, at: int) -> Job[None]:
    """Bring what a limit was given to `cap`: harmless when it is, more when a newer version raises the cap.

    A lowered cap takes back what is left, as far as the new cap allows.
    """
    if (yield from funded(m, account)) == cap:
        return
    yield from open_account(m, account, unit, floor=floor_of(account))
    locked = yield Query(  # a second process waits here, then sees what the first has given
        "update account set floor = floor where merchant_id = ? and account = ?"
        " returning credits - debits - debits_pending as available",
        (m, account),
    )
    missing = cap - (yield from funded(m, account))
    source = f"limits:{unit}"
    if missing > 0:
        given = Move(kind="fund", debit=source, credit=account, amount=missing, unit=unit)
        yield from enter(m, f"fund:{account}", [given], ids=ids, at=at)
    elif (surplus := min(-missing, locked[0]["available"])) > 0:
        taken = Move(kind="fund", debit=account, credit=source, amount=surplus, unit=unit)
        yield from enter(m, f"fund:{account}", [taken], ids=ids, at=at)


def balance(m: str, account: str) -> Job[Balance]:
    """What the account holds; nothing when it was never used."""
    rows = yield Query(
        "select credits, debits, debits_pending from account where merchant_id = ? and account = ?", (m, account)
    )
    if not rows:
        return Balance()
    posted = rows[0]["credits"] - rows[0]["debits"]
    held = rows[0]["debits_pending"]
    return Balance(posted=posted, pending=held, available=posted - held)


def transfers_of(m: str, checkout_id: str) -> Job[list[Transfer]]:
    """Every transfer of the checkout, in the order of their making."""
    rows = yield Query(
        f"select {', '.join(_COLUMNS)} from transfer where merchant_id = ? and checkout_id = ?", (m, checkout_id)
    )
    return _in_order(rows)


# --- how -----------------------------------------------------------------------------------------------------------

_COLUMNS = Transfer.__struct_fields__


def _transfer(row: Row) -> Transfer:
    return Transfer(**{column: row[column] for column in _COLUMNS})


def _in_order(rows: Iterable[Row]) -> list[Transfer]:
    """Sorted here: asked to sort, SQLite walks the primary key through every transfer of the merchant."""
    return sorted((_transfer(row) for row in rows), key=lambda transfer: transfer.transfer_id)


def _make(m: str, checkout_id: str, moves: Sequence[Move], phase: Phase, ids: Ids, at: int) -> Job[None]:
    _check(moves)
    for account, effect in effects(moves, phase):
        yield from _apply(m, account, effect)
    yield from _record(m, [_new(checkout_id, move, phase, ids, at) for move in moves])


def _new(checkout_id: str, move: Move, phase: Phase, ids: Ids, at: int) -> Transfer:
    return Transfer(
        transfer_id=ids.new("trf"),
        checkout_id=checkout_id,
        kind=move.kind,
        phase=phase,
        resolves=None,
        debit=move.debit,
        credit=move.credit,
        amount=move.amount,
        unit=move.unit,
        created_at=at,
    )


def _resolve(m: str, checkout_id: str, phase: Phase, ids: Ids, at: int) -> Job[int]:
    """End the open pending transfers; of two who try at once the second finds nothing left."""
    rows = yield Query(
        f"select {', '.join(_COLUMNS)} from transfer p where merchant_id = ? and checkout_id = ? and phase = 'pending'"
        " and not exists (select 1 from transfer r where r.merchant_id = p.merchant_id"
        " and r.resolves = p.transfer_id)",
        (m, checkout_id),
    )
    pending = {transfer.transfer_id: transfer for transfer in _in_order(rows)}
    ending = [_ending(transfer, phase, ids, at) for transfer in pending.values()]
    ended = yield from _record(m, ending)
    for account, effect in effects([pending[transfer_id] for transfer_id in ended], phase):
        yield from _apply(m, account, effect)
    return len(ended)


def _ending(pending: Transfer, phase: Phase, ids: Ids, at: int) -> Transfer:
    return Transfer(
        transfer_id=ids.new("trf"),
        checkout_id=pending.checkout_id,
        kind=pending.kind,
        phase=phase,
        resolves=pending.transfer_id,
        debit=pending.debit,
        credit=pending.credit,
        amount=pending.amount,
        unit=pending.unit,
        created_at=at,
    )


def _record(m: str, transfers: Sequence[Transfer]) -> Job[list[str]]:
    """Insert the rows; those that resolve a transfer already resolved are left out. Returns what was resolved."""
    if not transfers:
        return []
    row = f"({', '.join('?' * (len(_COLUMNS) + 1))})"
    values = [value for transfer in transfers for value in (m, *(getattr(transfer, name) for name in _COLUMNS))]
    rows = yield Query(
        f"insert into transfer (merchant_id, {', '.join(_COLUMNS)}) values {', '.join([row] * len(transfers))}"
        " on conflict (merchant_id, resolves) do nothing returning resolves",
        values,
    )
    return [found["resolves"] for found in rows if found["resolves"] is not None]


_CHANGE = (
    "update account set debits = debits + ?, credits = credits + ?,"
    " debits_pending = debits_pending + ?, credits_pending = credits_pending + ?"
    " where merchant_id = ? and account = ? and unit = ?"
    " and (floor = 0 or credits + ? - debits - ? - debits_pending - ? >= 0) returning account"
)


def _apply(m: str, account: str, effect: Effect) -> Job[None]:
    """Change one account if its floor allows it; SQL decides and locks in the same statement."""
    change = (effect.debits, effect.credits, effect.debits_pending, effect.credits_pending)
    floor = (effect.credits, effect.debits, effect.debits_pending)
    query = Query(_CHANGE, (*change, m, account, effect.unit, *floor))
    if (yield query):
        return
    yield from open_account(m, account, effect.unit, floor=floor_of(account))
    if not (yield query):
        yield from _refuse(m, account, effect)


def _refuse(m: str, account: str, effect: Effect) -> Job[None]:
    rows = yield Query("select unit from account where merchant_id = ? and account = ?", (m, account))
    if rows[0]["unit"] != effect.unit:
        raise InternalError("ledger-unit", f"The account {account!r} holds {rows[0]['unit']}, not {effect.unit}.")
    left = (yield from balance(m, account)).available
    raise Insufficient(account, effect.debits + effect.debits_pending - effect.credits - left)


def funded(m: str, account: str) -> Job[int]:
    """What a limit's account was given in all."""
    rows = yield Query(
        "select credit, amount from transfer where merchant_id = ? and checkout_id = ?", (m, f"fund:{account}")
    )
    totals: defaultdict[bool, int] = defaultdict(int)
    for row in rows:
        totals[row["credit"] == account] += row["amount"]
    return totals[True] - totals[False]
