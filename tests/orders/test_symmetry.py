"""Whatever happens to orders, in whatever order: goods and money are where a plain ledger of integers says they are."""

import random
from collections import Counter

import pytest

from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import PoiError
from poi_engine.goods.stock import OutOfStock
from poi_engine.orders.moves import OPEN
from poi_engine.orders.views import OrderView
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import all_orders, basket, line, order_ahead, piece

pytestmark = pytest.mark.valkey

PLACES = ("central", "sto_1")
PRICE = 350
STEPS = 70


class Oracle:
    """Available goods by place, what unpaid orders hold, and the money taken."""

    def __init__(self, **goods: int) -> None:
        self.goods = Counter(goods)
        self.held: dict[str, int] = {}
        self.back: Counter[str] = Counter()
        self.money = 0


class Story:
    """Random acts on the shop and the oracle alike; `happened` counts them."""

    def __init__(self, shop: Shop, oracle: Oracle, dice: random.Random) -> None:
        self.shop, self.oracle, self.dice = shop, oracle, dice
        self.happened: Counter[str] = Counter()

    async def step(self) -> None:
        """One act."""
        often = (self.place, self.pay, self.give_up)
        act = self.dice.choice([*often, *often, self.place, self.buy, self.drop, self.take])
        try:
            done = await act()
        except PoiError as error:
            done = error.code
        self.happened[f"{act.__name__} {done}"] += 1

    async def _one(self, *, paid: bool) -> OrderView | None:
        orders = [order for order in await all_orders(self.shop) if (order.sale_id is not None) is paid]
        usable = [order for order in orders if paid or order.state in OPEN]
        return self.dice.choice(usable) if usable else None

    async def buy(self) -> str:
        """At the counter: some from central."""
        quantity = 1000 * self.dice.randint(1, 3)
        session = await basket(self.shop, piece("1", quantity), ordered=[line("1")])
        enough = self.oracle.goods["central"] >= quantity
        try:
            session = await self.shop.accept(session)
        except OutOfStock:
            assert not enough
            await self.shop.engine.stations.abandon(M, session.session_id)
            return "none left"
        assert enough
        await self.shop.pay(session, "cash")
        self.oracle.goods["central"] -= quantity
        self.oracle.money += PRICE * quantity // 1000
        return "done"

    async def place(self) -> str:
        """From the phone: held."""
        quantity = 1000 * self.dice.randint(1, 2)
        enough = self.oracle.goods["sto_1"] >= quantity
        customer = await self.shop.customer()
        try:
            order = await order_ahead(self.shop, customer, quantity)
        except OutOfStock:
            assert not enough
            return "none left"
        assert enough
        self.oracle.goods["sto_1"] -= quantity
        self.oracle.held[order.order_id] = quantity
        return "done"

    async def pay(self) -> str:
        """A placed order is paid."""
        order = await self._one(paid=False)
        if order is None:
            return "nothing"
        counter = self.shop.engine.orders.counter
        await self.shop.pay(await self.shop.accept(await counter.open_session(M, order.order_id, STATION)), "cash")
        self.oracle.money += PRICE * self.oracle.held.pop(order.order_id) // 1000
        return "done"

    async def give_up(self) -> str:
        """Accepted, then given up: held by the order again."""
        order = await self._one(paid=False)
        if order is None:
            return "nothing"
        counter = self.shop.engine.orders.counter
        session = await self.shop.accept(await counter.open_session(M, order.order_id, STATION))
        await self.shop.engine.stations.abandon(M, session.session_id)
        return "done"

    async def drop(self) -> str:
        """A placed order is cancelled."""
        order = await self._one(paid=False)
        if order is None:
            return "nothing"
        await self.shop.engine.orders.move(M, order.order_id, "cancelled", "", by=SELLER)
        self.oracle.goods["sto_1"] += self.oracle.held.pop(order.order_id)
        return "done"

    async def take(self) -> str:
        """Some of a paid order comes back, anywhere."""
        order = await self._one(paid=True)
        if order is None or all(one.returned == one.quantity for one in order.lines):
            return "nothing"
        one, place = order.lines[0], self.dice.choice(PLACES)
        quantity = 1000 * self.dice.randint(1, (one.quantity - one.returned) // 1000)
        await self.shop.engine.orders.take_back(
            M,
            order.order_id,
            [ReturnedLine(line_id=one.line_id, quantity=quantity)],
            "back",
            place=place,
            key=self.shop.key(),
            by=SELLER,
        )
        self.oracle.goods[place] += quantity
        self.oracle.money -= PRICE * quantity // 1000
        return "done"


@pytest.mark.parametrize("seed", range(3))
async def test_goods_and_money_are_where_the_oracle_says(shop: Shop, seed: int) -> None:
    await stocked(shop, sto_1=5000, central=5000)
    story = Story(shop, Oracle(sto_1=5000, central=5000), random.Random(seed))
    for _ in range(STEPS):
        await story.step()
        for place in PLACES:
            assert await shop.balance(f"stock:{place}:eclair") == story.oracle.goods[place], story.happened
    assert await shop.balance("sales:sto_1") == story.oracle.money
    held = await shop.rows("select debits_pending as held from account where account = 'stock:sto_1:eclair'")
    assert held[0]["held"] == sum(story.oracle.held.values())
    for act in ("buy done", "place done", "pay done", "give_up done", "drop done", "take done"):
        assert story.happened[act], (act, story.happened)
