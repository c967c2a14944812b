"""Whatever is sold, refunded, held and merged, in any order: the persons' points and money add up, to the cent."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.session import Session
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.together import statements
from poi_offers.model import Limit
from poi_offers.offer_effects import AmountOff, Cashback
from tests.clientele.test_merge import merge, offer, worth
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop, processes_of

T = TypeVar("T")
STEPS = 40


class Trial:
    """A random history of a few customers, with what each of them must have kept beside it."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.chance = random.Random(seed)
        self.lives: dict[str, str] = {}
        self.points: Counter[str] = Counter()
        self.value: Counter[str] = Counter()
        self.visits: Counter[str] = Counter()
        self.sales: list[tuple[str, str, int]] = []
        self.open: Session | None = None
        self.holder = ""
        self.done: Counter[str] = Counter()

    async def begin(self) -> "Trial":
        """Five customers, cashback on every sale, and a reward for five points."""
        await offer(self.shop, "off_cash", Cashback(amount=40), limits=(Limit(of="uses", cap=6, per="customer"),))
        await offer(self.shop, "off_reward", AmountOff(amount=50), reward_points=5)
        for name in "ABCDE":
            customer = await self.shop.customer(name)
            self.lives[customer] = customer
        return self

    async def step(self) -> None:
        """One random act."""
        act = self.chance.choice(("sell", "sell", "sell", "refund", "hold", "finish", "merge"))
        await getattr(self, f"_{act}")()
        self.done[act] += 1

    def _somebody(self) -> str:
        return self.chance.choice(sorted(self.lives))

    async def _sell(self) -> None:
        customer = self._somebody()
        paid = await self.shop.sell(self.chance.randint(1, 40) * 100, customer_id=customer)
        self._count(customer, paid)
        self.sales.append((customer, paid.sale_id or "", 0))

    def _count(self, customer: str, paid: Session) -> None:
        assert paid.decision is not None
        lives = self.lives[customer]
        spent = sum(chosen.reward_points or 0 for chosen in paid.decision.offers)
        self.points[lives] += paid.decision.total // 100 - spent
        self.value[lives] += sum(award.amount for award in paid.decision.awards if award.kind == "cashback")
        self.visits[lives] += 1

    async def _refund(self) -> None:
        if not self.sales:
            return
        customer, sale_id, _ = self.sales.pop(self.chance.randrange(len(self.sales)))
        sale = await self.shop.engine.sales.get(M, sale_id)
        await self.shop.engine.checkout.refund(M, sale_id, None, "back", key=sale_id, by=SELLER)
        lives = self.lives[customer]
        self.points[lives] -= sale.receipt.points_earned - sale.receipt.points_spent
        self.value[lives] -= sale.receipt.value_given

    async def _hold(self) -> None:
        """Accept, with a reward if there are points for it, and wait."""
        if self.open is not None:
            return
        self.holder = self.lives[self._somebody()]
        session = await self.shop.identify(await self.shop.basket(900, station=OTHER_STATION), self.holder)
        entries = [BasketEntry(amount=900)]
        engine = self.shop.engine
        session = await engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
        self.open = await self.shop.accept(session)

    async def _finish(self) -> None:
        """Pay what is held, or let it go."""
        if self.open is None:
            return
        held, self.open = self.open, None
        if self.chance.random() < 0.5:
            self._count(self.holder, await self.shop.pay(held))
        else:
            await self.shop.engine.stations.abandon(M, held.session_id)

    async def _merge(self) -> None:
        one, another = self._somebody(), self._somebody()
        lives, gone = self.lives[one], self.lives[another]
        if lives == gone:
            return
        await merge(self.shop, one, gone)
        for customer in [customer for customer, known in self.lives.items() if known == gone]:
            self.lives[customer] = lives
        for counted in (self.points, self.value, self.visits):
            counted[lives] += counted.pop(gone, 0)
        self.done["merged"] += 1

    async def check(self) -> None:
        """Every person has what they earned, wherever their records are."""
        assert self.open is None
        for lives in set(self.lives.values()):
            family = [customer for customer, known in self.lives.items() if known == lives]
            assert await worth(self.shop, lives) == (self.points[lives], self.value[lives])
            assert await worth(self.shop, *family) == (self.points[lives], self.value[lives])
            view = await self.shop.engine.customers.get(M, self.chance.choice(family))
            assert (view.customer_id, view.visits) == (lives, self.visits[lives])


DONE: Counter[str] = Counter()


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_lost_or_doubled(shop: Shop, seed: int) -> None:
    trial = await Trial(shop, seed).begin()
    for _ in range(STEPS):
        await trial.step()
    await trial._finish()
    await trial.check()
    DONE.update(trial.done)
    assert trial.done["merge"], trial.done


@pytest.fixture
async def shared(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop on PostgreSQL; another process would run the same engine beside it."""
    async with processes_of([open_sql(postgres_url)], sessions, tmp_path) as [shop]:
        yield shop


@pytest.mark.valkey
@pytest.mark.postgresql
async def test_two_processes_merge_and_pay_at_once(shared: Shop, postgres_url: str) -> None:
    """The other process has connections of its own, so that its transactions really run beside ours."""
    other = open_sql(postgres_url)
    shop = shared
    beside = shop.beside(other)
    try:
        await offer(shop, "off_cash", Cashback(amount=40))
        for turn in range(12):
            ada, bo = await shop.customer(f"Ada {turn}"), await shop.customer(f"Bo {turn}")
            await shop.sell(1000, customer_id=bo)
            accepted = await shop.accept(await shop.identify(await shop.basket(1000), bo))
            lives, absorbed = (ada, bo) if turn % 2 else (bo, ada)

            async def merging(delay: float = turn * 0.002, lives: str = lives, absorbed: str = absorbed) -> None:
                await asyncio.sleep(delay)
                await merge(beside, lives, absorbed, key=f"merge-{turn}")  # noqa: B023

            await asyncio.gather(merging(), shop.pay(accepted, "cash"))
            assert await worth(shop, lives) == (20, 80)
            assert await worth(shop, absorbed) == (0, 0)
            assert (await shop.engine.customers.get(M, absorbed)).visits == 2
    finally:
        await other.close()


@pytest.mark.valkey
@pytest.mark.postgresql
async def test_two_processes_merge_the_same_records_both_ways(shared: Shop, postgres_url: str) -> None:
    other = open_sql(postgres_url)
    beside = shared.beside(other)
    try:
        for _ in range(6):
            ada, bo = await shared.customer("Ada"), await shared.customer("Bo")
            for customer in (ada, bo):
                await shared.sell(1000, customer_id=customer)
            ends = await asyncio.gather(
                merge(shared, ada, bo), merge(beside, bo, ada, key=f"other-{ada}"), return_exceptions=True
            )
            assert all(isinstance(end, str | Conflict) for end in ends), ends
            lives = (await shared.engine.customers.get(M, ada)).customer_id
            assert (await shared.engine.customers.get(M, bo)).customer_id == lives
            assert await worth(shared, lives) == (20, 0) == await worth(shared, ada, bo)
    finally:
        await other.close()


class Paused:
    """Storage whose transactions rest a while after a statement: long enough for another process to come between."""

    def __init__(self, sql: Sql, after: str) -> None:
        self._sql = sql
        self._after = after
        self.resting = asyncio.Event()

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """As it is."""
        return await self._sql.read(job)

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """With the rest."""
        return await self._sql.write(lambda: self._slowly(job()))

    def _slowly(self, job: Job[T]) -> Job[T]:
        answer: list[Row] | None = None
        try:
            while True:
                query = job.send(answer) if answer is not None else next(job)
                answer = yield query
                if any(self._after in one.text for one in statements(query)):
                    self.resting.set()
                    yield Query("select pg_sleep(0.4)")
        except StopIteration as stop:
            result: T = stop.value
            return result


@pytest.mark.valkey
@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("act", "after"),
    [
        ("let go", "update checkout set state"),  # before the customer is locked: the merge is done first
        ("let go", "insert into transfer"),  # after it: the merge waits
        ("paid", "update checkout set state = 'paid'"),
        ("paid", "insert into sale "),
    ],
)
async def test_what_a_payment_leaves_while_another_process_merges(
    shared: Shop, postgres_url: str, act: str, after: str
) -> None:
    """The payment's transaction is under way, and the merge comes before its end."""
    await offer(shared, "off_reward", AmountOff(amount=50), reward_points=5)
    ada, bo = await shared.customer("Ada"), await shared.customer("Bo")
    await shared.sell(1000, customer_id=bo)
    session = await shared.identify(await shared.basket(900), bo)
    entries = [BasketEntry(amount=900)]
    accepted = await shared.accept(
        await shared.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
    )
    other = open_sql(postgres_url)
    paused = Paused(other, after)
    beside = shared.beside(paused)
    try:
        ending = (
            beside.engine.stations.abandon(M, accepted.session_id)
            if act == "let go"
            else beside.pay(accepted, "cash", key="beside")
        )
        task = asyncio.create_task(ending)  # type: ignore[arg-type, var-annotated]
        await asyncio.wait_for(paused.resting.wait(), 30)
        await merge(shared, ada, bo)
        await task
        assert await worth(shared, bo) == (0, 0)
        assert await worth(shared, ada) == ((10, 0) if act == "let go" else (10 - 5 + 8, 0))
    finally:
        await other.close()
