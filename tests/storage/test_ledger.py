"""The ledger: double entry, two phases, floors and limits, on both engines and from two processes' storages."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator

import pytest

from poi_engine import ledger, limits
from poi_engine.errors import InternalError, StorageError
from poi_engine.ids import Ids
from poi_engine.ledger import Balance, Insufficient, Move
from poi_engine.ports import Job, Query
from poi_engine.storage import open_sql
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.verify import verify

Storage = SqliteSql | PostgresSql
M = "mer_1"
IDS = Ids(time.time)
LIMIT = limits.limit_account("off_1:0:total:ever")


@pytest.fixture
async def other(sql: Storage, sql_url: str) -> AsyncIterator[Storage]:
    """A second server process's storage on the same database."""
    storage = open_sql(sql_url)
    yield storage
    await storage.close()


def give(account: str, amount: int) -> Job[None]:
    return ledger.enter(M, "grant", [points("points", account, amount)], ids=IDS, at=1)


def points(debit: str, credit: str, amount: int) -> Move:
    return Move(kind="points", debit=debit, credit=credit, amount=amount, unit="points")


def use(checkout_id: str, amount: int = 1) -> Job[None]:
    return ledger.hold(M, checkout_id, [limits.limit_use("off_1:0:total:ever", amount, "uses")], ids=IDS, at=1)


def fund(cap: int) -> Job[None]:
    return limits.fund_limit(M, LIMIT, "uses", cap, ids=IDS, at=1)


async def left(sql: Storage, account: str) -> Balance:
    return await sql.read(lambda: ledger.balance(M, account))


def test_customers_and_limits_have_a_floor_and_issuers_have_none() -> None:
    floored = ["limit:off_x:0:total:ever", "points:cus_1", "points_owed:cus_1", "wallet:cus_1", "value_owed:cus_1"]
    floored += ["gift_card:gft_1", "tab:tab_1", "stock:sto_1:TEA"]
    issuers = ["limits:uses", "limits_used:uses", "points", "stored_value", "sales:sto_1", "tender:card"]
    assert [ledger.floor_of(account) for account in floored + issuers] == [True] * 8 + [False] * 6


async def test_a_hold_is_posted_once(sql: Storage) -> None:
    await sql.write(lambda: give("points:cus_1", 10))
    await sql.write(lambda: ledger.hold(M, "chk_1", [points("points:cus_1", "points", 4)], ids=IDS, at=1))
    assert await left(sql, "points:cus_1") == Balance(posted=10, pending=4, available=6)
    assert [await sql.write(lambda: ledger.post(M, "chk_1", ids=IDS, at=2)) for _ in range(2)] == [1, 0]
    assert await sql.write(lambda: ledger.void(M, "chk_1", ids=IDS, at=2)) == 0
    assert await left(sql, "points:cus_1") == Balance(posted=6, pending=0, available=6)
    phases = [transfer.phase for transfer in await sql.read(lambda: ledger.transfers_of(M, "chk_1"))]
    assert phases == ["pending", "post"]


async def test_a_voided_hold_gives_everything_back(sql: Storage) -> None:
    await sql.write(lambda: give("points:cus_1", 10))
    await sql.write(lambda: ledger.hold(M, "chk_1", [points("points:cus_1", "points", 10)], ids=IDS, at=1))
    assert await sql.write(lambda: ledger.void(M, "chk_1", ids=IDS, at=2)) == 1
    assert await left(sql, "points:cus_1") == Balance(posted=10, pending=0, available=10)


async def test_all_moves_or_none(sql: Storage) -> None:
    await sql.write(lambda: give("points:cus_1", 10))
    moves = [points("points:cus_1", "points", 4), points("points:cus_2", "points", 1)]
    with pytest.raises(Insufficient) as refused:
        await sql.write(lambda: ledger.enter(M, "chk_1", moves, ids=IDS, at=1))
    assert (refused.value.account, refused.value.missing, refused.value.code) == ("points:cus_2", 1, "insufficient")
    assert await left(sql, "points:cus_1") == Balance(posted=10, pending=0, available=10)
    assert await sql.read(lambda: ledger.transfers_of(M, "chk_1")) == []


async def test_one_change_lets_go_what_another_checkout_holds_then(sql: Storage) -> None:
    """All of it or nothing, and the floor counts for what it comes to."""

    def instead(before: str, after: str, amount: int) -> Job[int]:
        moves = (points("points:cus_1", "points", amount),)
        steps = [
            ledger.Step(checkout_id=before, phase="void"),
            ledger.Step(checkout_id=after, phase="pending", moves=moves),
        ]
        return ledger.change(M, steps, ids=IDS, at=2)

    await sql.write(lambda: give("points:cus_1", 10))
    await sql.write(lambda: ledger.hold(M, "chk_1", [points("points:cus_1", "points", 10)], ids=IDS, at=1))
    assert await sql.write(lambda: instead("chk_1", "chk_2", 10)) == 1
    with pytest.raises(Insufficient) as refused:
        await sql.write(lambda: instead("chk_2", "chk_3", 11))
    assert (refused.value.missing, await left(sql, "points:cus_1")) == (1, Balance(posted=10, pending=10, available=0))
    assert [one.checkout_id for one in await sql.read(lambda: ledger.pending_of(M, "chk_2"))] == ["chk_2"]
    assert {finding.rule for finding in await verify(sql)} == {"transfer-left-open"}, "there is no checkout here"


@pytest.mark.postgresql
async def test_what_every_sale_changes_keeps_no_other_sale_waiting(postgres_url: str) -> None:
    """Each stays in its transaction until it has met another one there; both have taken the same money by then."""
    there: set[str] = set()

    def sell(checkout_id: str) -> Job[bool]:
        money = Move(kind="sale", debit="tender:card", credit="sales:sto_1", amount=100, unit="EUR")
        yield from ledger.enter(M, checkout_id, [money], ids=IDS, at=1)
        there.add(checkout_id)
        for _ in range(200):
            if len(there) > 1:
                return True
            yield Query("select pg_sleep(0.005)")
        return False

    sql = PostgresSql(postgres_url)
    sold = [sql.write(lambda number=number: sell(f"chk_{number}")) for number in range(6)]  # type: ignore[misc]
    assert all(await asyncio.gather(*sold))
    assert [(await left(sql, account)).posted for account in ("tender:card", "sales:sto_1")] == [-600, 600]
    assert {finding.rule for finding in await verify(sql)} == set()
    await sql.close()


async def test_pending_credits_cannot_be_spent(sql: Storage) -> None:
    await sql.write(lambda: ledger.hold(M, "chk_1", [points("points", "points:cus_1", 5)], ids=IDS, at=1))
    with pytest.raises(Insufficient):
        await sql.write(lambda: ledger.enter(M, "chk_2", [points("points:cus_1", "points", 1)], ids=IDS, at=1))


@pytest.mark.parametrize("move", [points("a", "b", 0), points("a", "b", -1), points("a", "a", 1)])
async def test_a_move_without_amount_or_between_one_account_is_refused(sql: Storage, move: Move) -> None:
    with pytest.raises(InternalError, match="amount above zero"):
        await sql.write(lambda: ledger.enter(M, "chk_1", [move], ids=IDS, at=1))


async def test_an_account_has_one_unit(sql: Storage) -> None:
    await sql.write(lambda: give("points:cus_1", 1))
    euros = Move(kind="points", debit="points", credit="points:cus_1", amount=1, unit="EUR")
    with pytest.raises(InternalError, match="holds points, not EUR"):
        await sql.write(lambda: ledger.enter(M, "chk_1", [euros], ids=IDS, at=1))


async def test_one_change_has_one_unit_for_an_account(sql: Storage) -> None:
    euros = Move(kind="points", debit="points", credit="points:cus_1", amount=1, unit="EUR")
    with pytest.raises(InternalError, match="cannot hold both points and EUR"):
        await sql.write(lambda: ledger.enter(M, "chk_1", [points("points", "points:cus_1", 1), euros], ids=IDS, at=1))
    assert await left(sql, "points:cus_1") == Balance()


async def test_a_limit_is_funded_once_and_follows_its_cap(sql: Storage, other: Storage) -> None:
    await asyncio.gather(*((sql, other)[i % 2].write(lambda: fund(100)) for i in range(20)))
    assert (await left(sql, LIMIT)).available == 100
    await sql.write(lambda: use("chk_1", 30))
    expected = {100: 70, 120: 90, 50: 20, 10: 0, 40: 10}
    for cap, available in expected.items():
        await sql.write(lambda: fund(cap))  # noqa: B023
        assert (await left(sql, LIMIT)).available == available


async def test_a_limit_given_back_can_be_used_again(sql: Storage) -> None:
    await sql.write(lambda: fund(1))
    await sql.write(lambda: use("chk_1"))
    await sql.write(lambda: ledger.post(M, "chk_1", ids=IDS, at=1))
    returned = [limits.limit_return("off_1:0:total:ever", 1, "uses")]
    await sql.write(lambda: ledger.enter(M, "ref_1", returned, ids=IDS, at=1))
    await sql.write(lambda: fund(1))
    await sql.write(lambda: use("chk_2"))
    with pytest.raises(Insufficient):
        await sql.write(lambda: use("chk_3"))


async def test_of_a_thousand_reservations_at_once_exactly_the_cap_is_held(sql: Storage, other: Storage) -> None:
    def reserve(checkout_id: str) -> Job[None]:
        yield from fund(100)
        yield from use(checkout_id)

    async def reserved(i: int) -> None:
        """On a busy machine one of the two may not get the lock in time; then nothing was written."""
        while True:
            try:
                return await (sql, other)[i % 2].write(lambda: reserve(f"chk_{i}"))
            except StorageError as error:
                assert error.code == "storage-locked"

    outcomes = await asyncio.gather(*map(reserved, range(1000)), return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {type(None): 100, Insufficient: 900}
    assert await left(sql, LIMIT) == Balance(posted=100, pending=100, available=0)


async def test_post_and_void_at_once_end_a_hold_one_way(sql: Storage, other: Storage) -> None:
    await sql.write(lambda: fund(50))
    for i in range(50):
        await sql.write(lambda i=i: use(f"chk_{i}"))
    ended = await asyncio.gather(
        *(sql.write(lambda i=i: ledger.post(M, f"chk_{i}", ids=IDS, at=1)) for i in range(50)),
        *(other.write(lambda i=i: ledger.void(M, f"chk_{i}", ids=IDS, at=1)) for i in range(50)),
    )
    assert [ended[i] + ended[i + 50] for i in range(50)] == [1] * 50
    assert await left(sql, LIMIT) == Balance(posted=50 - sum(ended[:50]), pending=0, available=50 - sum(ended[:50]))


async def test_moves_in_opposite_directions_from_two_processes_all_land(sql: Storage, other: Storage) -> None:
    for customer in "ab":
        await sql.write(lambda customer=customer: give(f"points:{customer}", 1000))
    ab, ba = points("points:a", "points:b", 1), points("points:b", "points:a", 1)
    await asyncio.gather(
        *(sql.write(lambda i=i: ledger.enter(M, f"ab{i}", [ab], ids=IDS, at=1)) for i in range(150)),
        *(other.write(lambda i=i: ledger.enter(M, f"ba{i}", [ba], ids=IDS, at=1)) for i in range(150)),
    )
    assert {(await left(sql, f"points:{customer}")).posted for customer in "ab"} == {1000}


class Oracle:
    """The ledger in plain dictionaries."""

    def __init__(self) -> None:
        self.posted: defaultdict[str, int] = defaultdict(int)
        self.open: dict[str, list[Move]] = {}

    def held(self, account: str) -> int:
        return sum(move.amount for moves in self.open.values() for move in moves if move.debit == account)

    def fits(self, moves: list[Move], *, credits_count: bool) -> bool:
        change: Counter[str] = Counter()
        for move in moves:
            change[move.debit] -= move.amount
            change[move.credit] += move.amount if credits_count else 0
        return all(
            self.posted[account] - self.held(account) + change[account] >= 0
            for account in change
            if ledger.floor_of(account)
        )

    def settle(self, moves: list[Move]) -> None:
        for move in moves:
            self.posted[move.debit] -= move.amount
            self.posted[move.credit] += move.amount


ACCOUNTS = ["points", "points:a", "points:b", "points_owed:a", "wallet:a"]


@pytest.mark.parametrize("seed", range(3))
async def test_the_ledger_agrees_with_plain_dictionaries(sql: Storage, seed: int) -> None:
    chance = random.Random(seed)
    oracle, seen = Oracle(), Counter[str]()
    for step in range(150):
        act = chance.choice(["enter", "hold", "hold", "post", "void"])
        moves = [points(*chance.sample(ACCOUNTS, 2), chance.randint(1, 20)) for _ in range(chance.randint(1, 3))]
        checkout_id = chance.choice([*oracle.open, "chk_none"]) if act in ("post", "void") else f"chk_{step}"
        refused = act in ("enter", "hold") and not oracle.fits(moves, credits_count=act == "enter")
        seen[f"{act} {'refused' if refused else 'done'}"] += 1
        jobs = {
            "enter": lambda: ledger.enter(M, checkout_id, moves, ids=IDS, at=1),  # noqa: B023
            "hold": lambda: ledger.hold(M, checkout_id, moves, ids=IDS, at=1),  # noqa: B023
            "post": lambda: ledger.post(M, checkout_id, ids=IDS, at=1),  # noqa: B023
            "void": lambda: ledger.void(M, checkout_id, ids=IDS, at=1),  # noqa: B023
        }
        if refused:
            with pytest.raises(Insufficient):
                await sql.write(jobs[act])
            continue
        await sql.write(jobs[act])
        if act == "hold":
            oracle.open[checkout_id] = moves
        elif act == "enter":
            oracle.settle(moves)
        elif (ended := oracle.open.pop(checkout_id, None)) and act == "post":
            oracle.settle(ended)
    for account in ACCOUNTS:
        found = await left(sql, account)
        assert (found.posted, found.pending) == (oracle.posted[account], oracle.held(account)), account
    assert {"enter done", "enter refused", "hold done", "hold refused", "post done", "void done"} <= set(seen), seen
    assert {finding.rule for finding in await verify(sql)} <= {"transfer-left-open"}
