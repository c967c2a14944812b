"""Whoever has something under way is not forgotten, however long ago they last bought."""

import pytest

from tests.engine.shop import M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import order_ahead

pytestmark = pytest.mark.valkey
THREE_YEARS = 3 * 365.25 * 86_400


async def test_an_order_is_an_act(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    ada, gone = await shop.customer("Ada"), await shop.customer("Gone")
    shop.clock.forward(THREE_YEARS + 3600)
    await order_ahead(shop, ada)
    done = await shop.engine.clientele.retention.run(M, dry_run=False)
    assert [one.customer_id for one in done.items] == [gone]
    assert (await shop.engine.customers.get(M, ada)).display_name == "Ada"


async def test_so_is_a_payment_under_way(shop: Shop) -> None:
    ada = await shop.customer("Ada")
    shop.clock.forward(THREE_YEARS + 3600)
    await shop.accept(await shop.identify(await shop.basket(1000), ada))
    assert (await shop.engine.clientele.retention.run(M, dry_run=False)).due == 0
