"""Whatever tenders are tried, declined, left in doubt or cut off by a crash: a sale is paid exactly, or nothing is."""

import asyncio
import os
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from poi_engine.errors import PoiError
from poi_engine.ledger import Move, enter
from poi_engine.session import Session
from poi_engine.verify import verify
from tests.engine.shop import SELLER, M, Shop
from tests.simulation.history import History
from tests.simulation.storage import LoopSql, MemorySessions
from tests.simulation.weather import Weather

TOTAL = 6000
WALLET = 1500
ENDINGS = (0, 0, 5, 13, 14, 15, 16)
"""What amounts by card end in: approved, declined, approved or declined unheard, slow, away."""
STEPS_OF_A_PAYMENT = 25
EXAMPLES = 600 if os.environ.get("POI_SOAK") else 30
happened: Counter[str] = Counter()


class Killed(BaseException):
    """The process is gone."""


class Try(Struct, frozen=True):
    """One act at the till; killed at its `dies`th named step, if it comes to that."""

    act: str
    hundreds: int
    ending: int
    dies: int | None


def _part(act: str, hundreds: int) -> Try:
    """A part that nothing disturbs."""
    return Try(act, hundreds, 0, None)


tries = st.builds(
    Try,
    act=st.sampled_from(["card", "card", "cash", "wallet", "ask", "person paid", "person declined", "twice"]),
    hundreds=st.integers(1, 20),
    ending=st.sampled_from(ENDINGS),
    dies=st.none() | st.integers(1, STEPS_OF_A_PAYMENT),
)


class Till:
    """A shop in memory but for its SQLite file and the terminal's book."""

    def __init__(self, folder: Path) -> None:
        calm = Weather(random.Random(0), History())
        self.sql = LoopSql(folder / "poi.db", History(), calm)
        self.shop = Shop(self.sql, MemorySessions(History(), calm), folder)
        self.left: int | None = None
        self.rebuild()

    def rebuild(self) -> None:
        """The process starts anew."""
        self.left = None
        self.shop.engine = self.shop.build(self._trace)

    def _trace(self, _step: str) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.left = None
                raise Killed

    async def open(self) -> Session:
        """A customer with something in the wallet, and an accepted basket."""
        await self.shop.setup()
        self.customer = await self.shop.customer()
        move = Move(kind="load", debit="stored_value", credit=f"wallet:{self.customer}", amount=WALLET, unit="EUR")
        await self.sql.write(lambda: enter(M, "load", [move], ids=self.shop.ids, at=1))
        self.rebuild()
        return await self.shop.accept(await self.shop.identify(await self.shop.basket(TOTAL), self.customer))

    async def act(self, session: Session, wanted: Try) -> None:
        """One try; what it refuses is refused, and after a kill the process recovers."""
        self.left = wanted.dies
        try:
            await self._act(session, wanted)
            happened[f"{wanted.act} done"] += 1
        except PoiError as error:
            happened[f"{wanted.act} {error.code}"] += 1
        except Killed:
            happened[f"{wanted.act} killed"] += 1
            self.rebuild()
            await self.shop.engine.recovery.run()
        self.left = None

    async def _act(self, session: Session, wanted: Try) -> None:
        checkout, amount = self.shop.engine.checkout, wanted.hundreds * 100 + wanted.ending
        match wanted.act:
            case "ask":
                await checkout.ask_status(M, session.session_id)
            case "person paid" | "person declined":
                book = {one.reference: one for one in await self.shop.operations()}
                said = await self._stands(book)
                await self.shop.engine.resolving.payment(M, session.session_id, said, "slip", by=SELLER)  # type: ignore[arg-type]
            case "twice":
                pays = (self.shop.pay(session, "card", "one key", amount=amount) for _ in range(2))
                await asyncio.gather(*pays)
            case means:
                await self.shop.pay(session, means, amount=amount)

    async def _stands(self, book: dict[str, object]) -> str:
        """What the terminal's slip says of the payment in doubt."""
        rows = await self.shop.rows("select payment_id from payment where state in ('sending', 'unknown')")
        done = book.get(str(rows[0]["payment_id"])) if rows else None
        return "paid" if done is not None and done.approved and not done.cancelled else "declined"  # type: ignore[attr-defined]

    async def end(self, session: Session, *, give_up: bool) -> Session:
        """Out of doubt, then paid or given up; from now on nothing is killed."""
        stations, checkout = self.shop.engine.stations, self.shop.engine.checkout
        for _ in range(8):
            session = await stations.get(M, session.session_id)
            if session.state == "unknown":
                await checkout.ask_status(M, session.session_id)
            elif session.state == "paying" and not give_up:
                await self.shop.pay(session, "cash")
            elif session.state in ("paying", "decided", "declined"):
                await stations.abandon(M, session.session_id)
            else:
                return session
        raise AssertionError(f"{session.state} has no end")

    async def books(self, session: Session) -> None:
        """What was taken is the sale, or nothing was; by every book."""
        for _ in range(4):
            await self.shop.engine.recovery.run()
        rows = await self.shop.rows("select payment_id, means, state, amount from payment")
        kept = {str(row["payment_id"]): int(str(row["amount"])) for row in rows if row["state"] == "captured"}
        assert sum(kept.values()) == (TOTAL if session.state == "paid" else 0)
        assert {row["state"] for row in rows} <= {"captured", "declined", "reversed"}
        by_card = {str(row["payment_id"]) for row in rows if row["means"] == "card"}
        stands = {
            one.reference: one.amount
            for one in await self.shop.operations()
            if one.kind == "authorise" and one.approved and not one.cancelled
        }
        assert stands == {name: amount for name, amount in kept.items() if name in by_card}
        spent = sum(int(str(row["amount"])) for row in rows if (row["means"], row["state"]) == ("wallet", "captured"))
        assert await self.shop.balance(f"wallet:{self.customer}") == WALLET - spent
        assert await verify(self.sql) == []


async def story(folder: Path, plan: list[Try], give_up: bool) -> None:
    """One customer's payment, from the acceptance to its end."""
    till = Till(folder)
    try:
        session = await till.open()
        for wanted in plan:
            await till.act(session, wanted)
        ended = await till.end(session, give_up=give_up)
        happened[f"ended {ended.state}"] += 1
        await till.books(ended)
    finally:
        await till.shop.close()
        till.sql.close()


def test_the_sale_is_paid_exactly_or_everything_goes_back(sqlite_template: Path) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example(plan=[_part("card", 10), _part("cash", 20)], give_up=False)
    @example(plan=[_part("cash", 10), _part("card", 5)], give_up=True)
    @given(plan=st.lists(tries, max_size=6), give_up=st.booleans())
    def holds(plan: list[Try], give_up: bool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(sqlite_template, Path(folder) / "poi.db")
            asyncio.run(story(Path(folder), plan, give_up))

    happened.clear()
    holds()
    print(", ".join(f"{what} {often}" for what, often in sorted(happened.items())))
    assert sum(often for what, often in happened.items() if what.endswith("killed"))
    for what in ("card done", "cash done", "ended paid", "ended abandoned"):
        assert happened[what], what
