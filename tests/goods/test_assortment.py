"""Products are remembered while none changes; what any process changed is seen at once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from poi_engine.clock import moment
from poi_engine.goods.assortment import Assortment
from poi_engine.goods.products import Product
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ports import Job, Row
from tests.engine.shop import PRODUCTS, SELLER, M, Shop

pytestmark = pytest.mark.valkey
ECLAIR = PRODUCTS[0]


async def asked(shop: Shop, assortment: Assortment, *codes: str) -> tuple[dict[str, Product], list[str]]:
    """What is on sale by these codes, and the tables that were asked for it."""
    tables: list[str] = []

    def watched() -> Job[dict[str, Product]]:
        job = assortment.on_sale(M, codes)
        rows: list[Row] | None = None
        while True:
            try:
                query = job.send(rows)  # type: ignore[arg-type]
            except StopIteration as found:
                return found.value  # type: ignore[no-any-return]
            tables.append(query.text.partition(" from ")[2].split()[0])
            rows = yield query

    return await shop.sql.read(watched), tables


async def test_what_was_read_is_not_read_again(shop: Shop) -> None:
    assortment = Assortment()
    first, tables = await asked(shop, assortment, "eclair", "tarte")
    assert tables == ["catalogue", "product"]
    again, tables = await asked(shop, assortment, "tarte", "eclair")
    assert (again, tables) == (first, ["catalogue"])
    assert set((await asked(shop, assortment, "cafe", "eclair"))[0]) == {"cafe", "eclair"}


async def dearer(shop: Shop) -> None:
    await shop.engine.products.put(M, Product(code="eclair", label="Éclair", unit_price=400))


async def gone(shop: Shop) -> None:
    await shop.engine.products.put(M, Product(code="eclair", label="Éclair", unit_price=350, active=False))


async def planned(shop: Shop) -> None:
    starts_at = moment(shop.engine.wiring.at()) + timedelta(hours=1)
    await shop.engine.prices.plan(M, "eclair", 310, starts_at, who="test")
    shop.clock.forward(3601)
    assert await shop.engine.prices.start_due() == 1


async def delivered(shop: Shop) -> None:
    wanted = NewMovement(kind="received", place="central", lines=(MovedLine(code="eclair", quantity=1000),))
    await shop.engine.stock.move(M, wanted, key=shop.key(), by=SELLER)


@pytest.mark.parametrize("change", [dearer, gone, planned, delivered])
async def test_a_change_of_another_process_is_seen_at_once(
    shop: Shop, change: Callable[[Shop], Awaitable[None]]
) -> None:
    assortment = Assortment()
    before, _ = await asked(shop, assortment, "eclair")
    assert before["eclair"] == (await shop.engine.products.by_code(M, "eclair"))
    await change(shop)
    now = await shop.engine.products.find(M, "eclair")
    assert now != before["eclair"]
    found, tables = await asked(shop, assortment, "eclair")
    assert (found.get("eclair"), tables) == (now, ["catalogue", "product"])


async def test_goods_that_are_counted_already_change_no_product(shop: Shop) -> None:
    await delivered(shop)
    assortment = Assortment()
    await asked(shop, assortment, "eclair")
    await delivered(shop)
    assert (await asked(shop, assortment, "eclair"))[1] == ["catalogue"]


async def test_a_gtin_finds_the_product_with_it(shop: Shop) -> None:
    assortment = Assortment()
    for _ in range(2):
        found, _ = await asked(shop, assortment, ECLAIR.gtin or "")
        assert [product.code for product in found.values()] == ["eclair"]
    assert await asked(shop, assortment, "nothing") == ({}, ["catalogue", "product"])
