"""A seeded world: counters, customers, a moody terminal, crashes, and the shipped engine in the middle."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from poi_engine.basket import BasketEntry
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.engine import Engine
from poi_engine.errors import PoiError, StorageError
from poi_engine.ids import Ids
from poi_engine.principal import Principal
from poi_engine.session import Session
from tests.engine.shop import PRODUCTS, Card, M, Seen, merchant_rows
from tests.simulation.checks import Broken, Checks
from tests.simulation.clock import SteppingClock
from tests.simulation.counters import BESIDE, STATIONS, more_stations
from tests.simulation.ending import clear_up, verified
from tests.simulation.history import History
from tests.simulation.looks import pending, told
from tests.simulation.offers import OFFERS, REWARD
from tests.simulation.refusals import EXPECTED
from tests.simulation.storage import LoopSql, MemorySessions
from tests.simulation.terminal import Terminal
from tests.simulation.threads import OnTheSpot
from tests.simulation.weather import Weather

T = TypeVar("T")
PATIENCE = 8
"""How often a till repeats what storage could not answer."""
WHOLE_EVERY = 400
"""Sessions between two runs of the whole verification."""
Call = Callable[[], Awaitable[str]]


class World:
    """One run; everything random comes from `seed`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.clock = SteppingClock()
        self.history = History()
        self.weather = Weather(random.Random(seed + 3), self.history)
        self.sql = LoopSql(folder / "poi.db", self.history, self.weather)
        self.sessions = MemorySessions(self.history, self.weather)
        self.terminal = Terminal(random.Random(seed + 1), self.history)
        self.ids = Ids(self.clock.now, random.Random(seed + 2).getrandbits)
        caps = {f"{offer.offer_id}:{n}": limit.cap for offer in OFFERS for n, limit in enumerate(offer.limits)}
        self.checks = Checks(self.sql, self.terminal, caps)
        self.engine = self.build()
        self.seen = Counter[str]()
        self.customers: list[str] = []
        self._answers: dict[str, str] = {}
        self._repeats: list[tuple[str, Call]] = []
        self._keys = 0
        self._sold: list[str] = []

    def build(self) -> Engine:
        """The shipped engine on this storage."""
        connectors = {"simulator": self.terminal}
        return Engine(self.sql, self.sessions, Seen(), connectors, self.clock, self.ids)

    async def run(self, steps: int) -> None:
        """That many steps in rounds, a check after each; then everything in doubt is cleared up."""
        asyncio.get_running_loop().set_default_executor(OnTheSpot())
        await self._setup()
        self.weather.storms()
        while self.history.steps < steps:
            await self._round()
            self.checks.step()
            if self.seen["visits"] % WHOLE_EVERY < len(STATIONS):
                await verified(self)
        await clear_up(self)
        await verified(self)

    async def _setup(self) -> None:
        await self.sql.write(merchant_rows)
        await self.sql.write(more_stations)
        for product in PRODUCTS:
            await self.engine.products.put(M, product)
        for offer in OFFERS:
            await self.engine.offers.create(M, offer)
        for number in range(10):
            made = await self.engine.customers.create(M, f"Customer {number}")
            await self.engine.customers.link_credential(M, made.customer_id, "loyalty", f"CARD-{number}")
            self.customers.append(made.customer_id)

    async def _round(self) -> None:
        """All counters at once; now and then a crash in the middle."""
        self.clock.forward(self.chance.expovariate(1 / 120))
        if self.chance.random() < 0.04:
            self._clock_steps()
        tasks = [asyncio.ensure_future(self._safely(station)) for station in STATIONS]
        if self.chance.random() < 0.03:
            tasks.append(asyncio.ensure_future(self._outage()))
        if self.chance.random() < 0.04:
            await self._crash(tasks)
        else:
            await asyncio.gather(*tasks)
        if self.chance.random() < 0.02:
            self.clock.forward(16 * 60)
            await self._insist(self.engine.recovery.run)

    def _clock_steps(self) -> None:
        """An hour too many or too few, a summer's time, a day."""
        self.clock.step(self.chance.choice((3600, -3600, -7200, 86_400, -86_400, 0.5, -0.5)))
        self.seen["clock steps"] += 1

    async def _outage(self) -> None:
        """Redis goes in the middle of everything, and comes back."""
        for away in (True, False):
            for _ in range(self.chance.randint(1, 150)):
                await asyncio.sleep(0)
            self.weather.redis_away = away
        self.seen["outages of Redis"] += 1

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat what storage could not answer."""
        for _ in range(PATIENCE):
            try:
                return await call()
            except StorageError as error:
                if error.code == "sessions-away":
                    raise Broken("a payment under way needs Redis") from error
                self.seen["asked again"] += 1
        return await call()

    async def _crash(self, tasks: list[asyncio.Future[None]]) -> None:
        """Everything in memory stops between two steps; the storage and the terminal stay as they are."""
        for _ in range(self.chance.randint(1, 120)):
            await asyncio.sleep(0)
        others = sorted(asyncio.all_tasks() - {asyncio.current_task()}, key=_age)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.gather(*tasks, return_exceptions=True)
        self.weather.redis_away = False
        self.seen["crashes"] += 1
        if self.chance.random() < 0.2:
            self.sessions.lose()
        self.engine = self.build()
        await self._insist(self.engine.recovery.run)

    async def _safely(self, station: str) -> None:
        self.seen["visits"] += 1
        try:
            await self._visit(self.chance.choice((station, station, BESIDE[station])))
        except PoiError as error:
            if error.code not in EXPECTED:
                raise
            self.seen[f"refused {error.code}"] += 1

    # --- one visit -------------------------------------------------------------------------------------------------

    async def _visit(self, station: str) -> None:
        session = await self._fresh(station)
        if session is None:
            return
        session = await self._fill(session)
        if self.chance.random() < 0.1:
            session = await self._hand_over(session)
        if self.chance.random() < 0.07:
            await self.engine.stations.abandon(M, session.session_id)
            self.seen["abandoned early"] += 1
            return
        for _ in range(3):
            if session.state not in ("decided", "declined"):
                break
            session = await self._attempt(session)
        if session.state == "declined":
            await self.engine.stations.abandon(M, session.session_id)
        await self._afterwards()

    async def _fresh(self, station: str) -> Session | None:
        """A session to fill; what an earlier visit or a crash left is brought to an end first."""
        stations = self.engine.stations
        session = await stations.open(M, station)
        if session.state == "unknown":
            session = await self._out_of_doubt(session)
        elif session.state == "paying":
            session = await self.engine.checkout.ask_status(M, session.session_id)
        if session.state == "paying" or (session.state in ("decided", "declined") and self.chance.random() < 0.5):
            session = await stations.abandon(M, session.session_id)
        if session.state == "unknown":
            await stations.set_aside(M, session.session_id)
            self.seen["set aside"] += 1
        return await stations.open(M, station) if session.state in ("paid", "abandoned", "unknown") else session

    async def _fill(self, session: Session) -> Session:
        stations, chance = self.engine.stations, self.chance
        entries = [BasketEntry(amount=chance.randint(50, 3000)) for _ in range(chance.randint(0, 2))]
        codes = chance.sample([product.code for product in PRODUCTS], chance.randint(0, 2))
        entries += [BasketEntry(code=code, quantity=1000 * chance.randint(1, 3)) for code in codes]
        entries = entries or [BasketEntry(amount=chance.randint(1, 500))]
        session = await stations.set_basket(M, session.session_id, entries)
        who = chance.random()
        if who < 0.35:
            self.clock.forward(5)
            number = chance.randint(0, 14)
            session = await stations.present(M, session.station_id, Card("ndef", f"CARD-{number}"))
            self.seen["taps"] += 1
        elif who < 0.75:
            session = await stations.identify(
                M,
                session.session_id,
                chance.choice(self.customers),
                scheme="poi1",
                assurance="authenticate",
                source="q",
            )
            if chance.random() < 0.5:
                rewards = (REWARD,)
                session = await stations.set_basket(M, session.session_id, entries, rewards=rewards)
        if chance.random() < 0.25:
            session = await stations.see_card(M, session.session_id)
        return session

    async def _hand_over(self, session: Session) -> Session:
        """The other counter goes on, maybe in the moment in which this one accepts: one of them does."""
        there = next(b if a == session.station_id else a for a, b in BESIDE.items() if session.station_id in (a, b))
        acting: list[Awaitable[object]] = [self.engine.handovers.hand_over(M, session.session_id, there)]
        if session.decision is not None and self.chance.random() < 0.5:
            name, total, by = session.decision_id or "", session.decision.total, self.by(session.station_id)
            acting.append(self.engine.checkout.accept(M, session.session_id, name, total, by=by))
        for got in await asyncio.gather(*acting, return_exceptions=True):
            if isinstance(got, BaseException) and not (isinstance(got, PoiError) and got.code in EXPECTED):
                raise got
        now = await self.engine.stations.get(M, session.session_id)
        self.seen["handed over"] += now.station_id == there
        if now.state == "paying":
            await self._pay(now)
            now = await self.engine.stations.get(M, session.session_id)
        return now

    async def _attempt(self, session: Session) -> Session:
        """Accept and pay what is shown, by any means, asked once or several times."""
        assert session.decision is not None
        assert session.decision_id is not None
        checkout = self.engine.checkout
        by = self.by(session.station_id)
        try:
            accepted = await checkout.accept(M, session.session_id, session.decision_id, session.decision.total, by=by)
        except PoiError as error:
            if error.code != "decide-again":
                raise
            self.seen["decided again"] += 1
            return await self.engine.stations.get(M, session.session_id)
        self.seen["accepted"] += 1
        fate = self.chance.random()
        if fate < 0.04:
            self.seen["abandoned accepted"] += 1
            return await self.engine.stations.abandon(M, session.session_id)
        if fate < 0.06:
            self.seen["forgotten"] += 1
            return accepted
        if accepted.due and self.chance.random() < 0.2:
            await self._part(accepted)
            accepted = await self._goes_on(accepted)
        paid = await self._pay(accepted)
        if paid is not None and paid.state == "unknown":
            paid = await self._out_of_doubt(paid)
        self.seen[f"ended {paid.state if paid else 'refused'}"] += 1
        return paid or await self.engine.stations.get(M, session.session_id)

    async def _part(self, accepted: Session) -> None:
        """A first tender pays a part of what is due."""
        means = self.chance.choices(("card", "cash", "wallet"), (40, 35, 25))[0]
        amount, key, by = self.chance.randint(1, accepted.due), self._key(), self.by(accepted.station_id)
        part = await self._insist(
            lambda: self.engine.checkout.pay(M, accepted.session_id, means, amount, key=key, by=by)  # type: ignore[arg-type]
        )
        if part.state == "unknown":
            part = await self._out_of_doubt(part)
        self.seen["paid in part"] += part.state == "paying"

    async def _goes_on(self, accepted: Session) -> Session:
        """What was paid in part goes on at the tablet beside, or stays where it is."""
        there = BESIDE.get(accepted.station_id)
        if there is None or self.chance.random() < 0.6:
            return accepted
        going = self.engine.handovers.hand_over(M, accepted.session_id, there)
        got = await asyncio.gather(going, return_exceptions=True)
        self._only_expected(got)
        self.seen["handed over paid in part"] += isinstance(got[0], Session)
        return got[0] if isinstance(got[0], Session) else accepted

    async def _pay(self, accepted: Session) -> Session | None:
        means = self.chance.choices(("card", "cash", "wallet"), (75, 15, 10))[0]
        key, station_id, engine = self._key(), accepted.station_id, self.engine
        by = self.by(station_id)

        async def paid(by_whom: Engine) -> Session:
            pay, name = by_whom.checkout.pay, accepted.session_id
            return await self._insist(lambda: pay(M, name, means, station_id=station_id, key=key, by=by))  # type: ignore[arg-type]

        async def again() -> str:
            return told(await paid(self.engine))

        tries: list[Awaitable[Session]] = [paid(engine) for _ in range(self.chance.choice((1, 1, 1, 2, 3)))]
        if self.chance.random() < 0.1:
            other = self._key()
            name = accepted.session_id
            tries.append(engine.checkout.pay(M, name, "card", station_id=station_id, key=other, by=by))
            self.seen["two keys"] += 1
        if self.chance.random() < 0.05:
            tries.append(engine.checkout.ask_status(M, accepted.session_id))
        got = await asyncio.gather(*tries, return_exceptions=True)
        self._only_expected(got)
        answers = [one for one in got if isinstance(one, Session) and one.state in ("paid", "declined")]
        if isinstance(got[0], Session) and got[0].state in ("paid", "declined"):
            self._remember(key, told(got[0]), again)
        if len({one.sale_id for one in answers if one.sale_id}) > 1:
            raise Broken(f"{accepted.session_id} has two sales")
        if answers and answers[0].sale_id:
            self._sold.append(answers[0].sale_id)
        return answers[0] if answers else next((one for one in got if isinstance(one, Session)), None)

    async def _out_of_doubt(self, session: Session) -> Session:
        """Ask a few times; then somebody looks at the terminal's slip."""
        for _ in range(self.chance.randint(0, 4)):
            session = await self.engine.checkout.ask_status(M, session.session_id)
            if session.state != "unknown":
                return session
        if session.checkout_id is not None and self.chance.random() < 0.4:
            outcome = "paid" if await self._slip(session.checkout_id) else "declined"
            self.seen[f"person {outcome}"] += 1
            by = self.by(session.station_id)
            return await self.engine.resolving.payment(M, session.session_id, outcome, "slip", by=by)  # type: ignore[arg-type]
        return session

    async def _slip(self, checkout_id: str) -> bool:
        rows = await self.sql.read(lambda: pending(checkout_id))
        entry = self.terminal.book.get(rows[0]) if rows else None
        return entry is not None and entry.stands

    async def _afterwards(self) -> None:
        """Somebody comes back with goods; somebody's device repeats an old request."""
        if self._sold and self.chance.random() < 0.15:
            await self._refund(self.chance.choice(self._sold[-60:]))
        if self._repeats and self.chance.random() < 0.15:
            key, call = self.chance.choice(self._repeats[-200:])
            self.seen["repeated"] += 1
            if (answer := await call()) != self._answers[key]:
                raise Broken(f"{key} answered {self._answers[key]} first and {answer} now")

    async def _refund(self, sale_id: str) -> None:
        sale = await self.engine.sales.get(M, sale_id)
        left = [line for line in sale.lines if line.returned < line.quantity]
        lines = None
        if left and self.chance.random() < 0.4:
            line = self.chance.choice(left)
            quantity = self.chance.randint(1, line.quantity - line.returned)
            lines = [ReturnedLine(line_id=line.line_id, quantity=quantity)]
        key, by = self._key(), self.by(self.chance.choice(STATIONS))

        async def once() -> str:
            back = await self._insist(lambda: self.engine.checkout.refund(M, sale_id, lines, "broken", key=key, by=by))
            return f"{back.sale_id} {back.total}"

        got = await asyncio.gather(*(once() for _ in range(self.chance.choice((1, 1, 2)))), return_exceptions=True)
        self._only_expected(got)
        answers = [one for one in got if isinstance(one, str)]
        if len(set(answers)) > 1:
            raise Broken(f"one key refunded twice: {answers}")
        if answers:
            self.seen["refunds"] += 1
            self._remember(key, answers[0], once)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _only_expected(self, got: list[Session | BaseException] | list[str | BaseException]) -> None:
        for one in got:
            if isinstance(one, PoiError) and one.code in EXPECTED:
                self.seen[f"refused {one.code}"] += 1
            elif isinstance(one, BaseException):
                raise one

    def _remember(self, key: str, answer: str, call: Call) -> None:
        self._answers[key] = answer
        self._repeats.append((key, call))

    def _key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    def by(self, station: str) -> Principal:
        """Who acts at a counter."""
        return Principal(merchant_id=M, access_id=f"acc_{station}", role="station", subject_id=station)


def _age(task: "asyncio.Task[object]") -> tuple[int, str]:
    """Tasks in the order in which they were made: a set has none."""
    return len(task.get_name()), task.get_name()
