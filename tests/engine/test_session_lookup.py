"""A session is found by its own id and by no other."""

import pytest

from poi_engine.errors import NotFound
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey


async def test_a_sale_that_was_refunded_is_no_session(shop: Shop) -> None:
    paid = await shop.sell(1000)
    sale_id = paid.sale_id or ""
    await shop.engine.checkout.refund(M, sale_id, None, "broken", key=shop.key(), by=SELLER)
    with pytest.raises(NotFound):
        await shop.engine.stations.get(M, sale_id)
