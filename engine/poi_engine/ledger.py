"""The ledger: two-phase transfers between accounts, double entry, never edited.

A transfer debits one account and credits another with the same amount (minor units of a currency, points, or uses). A
pending transfer holds the amount until it is posted or voided, once. An account with a floor never goes below zero,
its pending debits counted; SQL itself sees to that, so it holds for any number of processes. An account without one is
kept in parts, one for each connection that writes, which add up to it: what every sale changes keeps none waiting.

The rules (`floor_of`, `effects`) are pure; the rest are jobs for `Sql.write` and `Sql.read`, composed by `yield from`.

Transactions lock rows in one order, which keeps deadlocks away: the idempotency key, the station's closings (shared by
all that is sold there, alone by what closes), the checkout (a refund's own, then its sale's), the customer who lives
on, the card hold it takes, orders by id, gift cards by id, accounts with a floor by name, those without, the station's
journal, its events, and last what the figures need. So a transaction changes its accounts once, all together: `change`
takes what it makes and ends in one go.
Whoever changes an account of a customer holds the customer's row.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from msgspec import Struct
from msgspec.structs import astuple

from poi_engine.errors import Conflict, InternalError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row
from poi_engine.together import rows_of

USES = "uses"
POINTS = "points"
_FLOORED = ("limit:", "points:", "points_owed:", "wallet:", "value_owed:", "stock:", "gift_card:", "tab:")

Phase = Literal["single", "pending", "post", "void"]


class Move(Struct, frozen=True, kw_only=True):
    """One transfer to make. `amount` > 0 counts what `unit` says: an ISO 4217 code, `points`, `uses` or `stock`."""

    kind: str
    debit: str
    credit: str
    amount: int
    unit: str


class Step(Struct, frozen=True, kw_only=True):
    """A part of a `change`: `moves` made at once (`single`) or held (`pending`), or what a checkout holds `post`ed or
    `void`ed; `held` is that, if the caller has it from `pending_of`."""

    checkout_id: str
    phase: Phase
    moves: tuple[Move, ...] = ()
    held: tuple["Transfer", ...] | None = None


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
    """`posted` without holds, `pending` what is held, `available` what can still be spent; `coming`: held to arrive."""

    posted: int = 0
    pending: int = 0
    available: int = 0
    coming: int = 0


class Effect(Struct, kw_only=True):
    """What a set of transfers changes on one account."""

    unit: str
    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def changes(self) -> bool:
        """Whether anything is left of it: what one step lets go another one may hold."""
        return any((self.debits, self.credits, self.debits_pending, self.credits_pending))


class Insufficient(Conflict):
    """An account has less than a move asks for: `missing` minor units, points or uses."""

    def __init__(self, account: str, missing: int) -> None:
        kind = account.partition(":")[0].replace("_", " ")
        super().__init__("insufficient", f"The balance ({kind}) is short of {missing}.")
        self.account = account
        self.missing = missing


# --- rules ---------------------------------------------------------------------------------------------------------


def floor_of(account: str) -> bool:
    """Whether the account's balance never goes below zero; issuers (`points`, `limits:uses`, `sales:...`) may."""
    return account.startswith(_FLOORED)


def effects(moves: Iterable[tuple[Move | Transfer, Phase]]) -> list[tuple[str, Effect]]:
    """The change of every account in the order in which they are locked: those with a floor first, by name. All the
    changes add up to zero in each unit.
    """
    by_account: dict[str, Effect] = {}
    for move, phase in moves:
        debit = _effect(by_account, move.debit, move.unit)
        credit = _effect(by_account, move.credit, move.unit)
        if phase in ("single", "post"):
            debit.debits += move.amount
            credit.credits += move.amount
        held = {"pending": move.amount, "post": -move.amount, "void": -move.amount}.get(phase, 0)
        debit.debits_pending += held
        credit.credits_pending += held
    changed = [(account, effect) for account, effect in by_account.items() if effect.changes]
    return sorted(changed, key=lambda change: (not floor_of(change[0]), change[0]))


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


def change(m: str, steps: Iterable[Step], *, ids: Ids, at: int) -> Job[int]:
    """All the steps or none; returns how many pending transfers they ended. Raises `Insufficient`.

    Each account is changed once, always in the same order: two of these never wait for each other. A floor counts for
    what all the steps come to. `at` in microseconds.
    """
    moved: list[tuple[Move | Transfer, Phase]] = []
    pending: dict[str, tuple[Transfer, Phase]] = {}
    made: list[Transfer] = []
    for step in steps:
        if step.phase in ("post", "void"):
            held = step.held if step.held is not None else (yield from pending_of(m, step.checkout_id))
            pending |= {transfer.transfer_id: (transfer, step.phase) for transfer in held}
            made += [_ending(transfer, step.phase, ids, at) for transfer in held]
        else:
            _check(step.moves)
            moved += [(move, step.phase) for move in step.moves]
            made += [_new(step.checkout_id, move, step.phase, ids, at) for move in step.moves]
    ended: list[str] = []
    if pending:  # of two who end a hold at once the second finds nothing left
        ended, made = (yield from _record(m, made)), []
    recorded = [_insert(m, made)] if made else []
    yield from _apply(m, effects([*(pending[transfer_id] for transfer_id in ended), *moved]), recorded)
    return len(ended)


def hold(m: str, checkout_id: str, moves: Sequence[Move], *, ids: Ids, at: int) -> Job[None]:
    """Reserve: a pending transfer for each move, all or none. Raises `Insufficient`. `at` in microseconds."""
    yield from change(m, [Step(checkout_id=checkout_id, phase="pending", moves=tuple(moves))], ids=ids, at=at)


def enter(m: str, checkout_id: str, moves: Sequence[Move], *, ids: Ids, at: int) -> Job[None]:
    """Make final transfers at once, all or none. Raises `Insufficient`. `at` in microseconds."""
    yield from change(m, [Step(checkout_id=checkout_id, phase="single", moves=tuple(moves))], ids=ids, at=at)


def post(m: str, checkout_id: str, *, ids: Ids, at: int) -> Job[int]:
    """Make final every pending transfer of the checkout that is still open; returns how many."""
    return (yield from change(m, [Step(checkout_id=checkout_id, phase="post")], ids=ids, at=at))


def void(m: str, checkout_id: str, *, ids: Ids, at: int) -> Job[int]:
    """Let go every pending transfer of the checkout that is still open; returns how many."""
    return (yield from change(m, [Step(checkout_id=checkout_id, phase="void")], ids=ids, at=at))


def lock(m: str, account: str, unit: str) -> Job[int]:
    """Lock an account with a floor, which is made if it is not there; returns what is available on it."""
    yield _open(m, account, unit)
    rows = yield Query(
        "update account set floor = floor where merchant_id = ? and account = ?"
        " returning credits - debits - debits_pending as available",
        (m, account),
    )
    return int(rows[0]["available"])


def balance(m: str, account: str) -> Job[Balance]:
    """What the account holds; nothing when it was never used."""
    return (yield from balances(m, [account]))[account]


def balances(m: str, accounts: Sequence[str]) -> Job[dict[str, Balance]]:
    """What these accounts hold, in one statement."""
    rows = yield Query(
        f"select account, {_SUMMED} from account where merchant_id = ?"
        f" and account in ({', '.join('?' * len(accounts))}) group by account",
        (m, *accounts),
    )
    return {account: Balance() for account in accounts} | {row["account"]: _balance(row) for row in rows}


def _balance(row: Row) -> Balance:
    posted, held = row["credits"] - row["debits"], row["debits_pending"]
    return Balance(posted=posted, pending=held, available=posted - held, coming=row["credits_pending"])


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


def pending_of(m: str, checkout_id: str) -> Job[tuple[Transfer, ...]]:
    """What the checkout holds: its pending transfers without an end, in the order of their making."""
    rows = yield Query(
        f"select {', '.join(_COLUMNS)} from transfer p where merchant_id = ? and checkout_id = ? and phase = 'pending'"
        " and not exists (select 1 from transfer r where r.merchant_id = p.merchant_id"
        " and r.resolves = p.transfer_id)",
        (m, checkout_id),
    )
    return tuple(_in_order(rows))


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
    """Insert the rows but those that resolve a transfer already resolved. Returns what was resolved."""
    insert = _insert(m, transfers)
    rows = yield insert._replace(
        text=f"{insert.text} on conflict (merchant_id, resolves) do nothing returning resolves"
    )
    return [found["resolves"] for found in rows if found["resolves"] is not None]


def _insert(m: str, transfers: Sequence[Transfer]) -> Query:
    row = f"({', '.join('?' * (len(_COLUMNS) + 1))})"
    values = [value for transfer in transfers for value in (m, *astuple(transfer))]
    rows = ", ".join([row] * len(transfers))
    return Query(f"insert into transfer (merchant_id, {', '.join(_COLUMNS)}) values {rows}", values)


_CHANGE = (
    "update account set debits = debits + ?, credits = credits + ?,"
    " debits_pending = debits_pending + ?, credits_pending = credits_pending + ?"
    " where merchant_id = ? and account = ? and unit = ? and floor = 1"
    " and credits + ? - debits - ? - debits_pending - ? >= 0 returning account"
)
_SUMS = ("debits", "credits", "debits_pending", "credits_pending")
_SUMMED = ", ".join(f"cast(sum({name}) as bigint) as {name}" for name in _SUMS)
_INTO = f"insert into account (merchant_id, account, unit, floor, part, {', '.join(_SUMS)}) values "
_ROW = "(?, ?, ?, ?, ? * /* writer */ 0, ?, ?, ?, ?)"
_ADD = (
    " on conflict (merchant_id, account, part) do update set "
    f"{', '.join(f'{name} = account.{name} + excluded.{name}' for name in _SUMS)}"
    " where account.unit = excluded.unit returning account"
)


def _apply(m: str, changes: Sequence[tuple[str, Effect]], recorded: Sequence[Query]) -> Job[None]:
    """Change these accounts, as far as their floors allow it; SQL decides and locks in the same statement.

    `recorded`: what is written with it.
    """
    queries: list[Query] = []
    for adds, group in groupby(changes, key=_only_adds):
        some = list(group)
        queries += [_add(m, some)] if adds else [_change(m, account, effect) for account, effect in some]
    queries += recorded
    if not queries:
        return
    done = {row["account"] for rows in (yield from rows_of(queries)) for row in rows}
    for account, effect in changes:
        if account not in done:
            yield from _change_alone(m, account, effect)


def _change_alone(m: str, account: str, effect: Effect) -> Job[None]:
    if floor_of(account):
        yield _open(m, account, effect.unit)
        if (yield _change(m, account, effect)):
            return
    yield from _refuse(m, account, effect)


def _open(m: str, account: str, unit: str) -> Query:
    return Query(
        "insert into account (merchant_id, account, unit, floor) values (?, ?, ?, 1)"
        " on conflict (merchant_id, account, part) do nothing",
        (m, account, unit),
    )


def _only_adds(change: tuple[str, Effect]) -> bool:
    """Whether no floor can be in its way, however little the account holds."""
    account, effect = change
    if not floor_of(account):
        return True
    enough = effect.credits >= effect.debits + effect.debits_pending
    return enough and effect.debits_pending >= 0 and effect.credits_pending >= 0


def _add(m: str, changes: Sequence[tuple[str, Effect]]) -> Query:
    """Change them in the order they come in; those that are not there are made."""
    values = [
        value for account, effect in changes for value in (m, account, effect.unit, *_kept(account), *_sums(effect))
    ]
    return Query(f"{_INTO}{', '.join([_ROW] * len(changes))}{_ADD}", values)


def _kept(account: str) -> tuple[int, int]:
    """Whether it has a floor, and whether each writer keeps a part of it."""
    return (1, 0) if floor_of(account) else (0, 1)


def _sums(effect: Effect) -> tuple[int, int, int, int]:
    return effect.debits, effect.credits, effect.debits_pending, effect.credits_pending


def _change(m: str, account: str, effect: Effect) -> Query:
    floor = (effect.credits, effect.debits, effect.debits_pending)
    return Query(_CHANGE, (*_sums(effect), m, account, effect.unit, *floor))


def _refuse(m: str, account: str, effect: Effect) -> Job[None]:
    rows = yield Query(
        "select unit from account where merchant_id = ? and account = ? and unit <> ?", (m, account, effect.unit)
    )
    if rows:
        raise InternalError("ledger-unit", f"The account {account!r} holds {rows[0]['unit']}, not {effect.unit}.")
    left = (yield from balance(m, account)).available
    raise Insufficient(account, effect.debits + effect.debits_pending - effect.credits - left)
