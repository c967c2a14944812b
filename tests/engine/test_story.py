"""The main job: tap, decide, accept, pay, sale, receipt."""

import pytest

from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import STATION, Card, M, Shop

pytestmark = pytest.mark.valkey


def ten_percent(**changes: object) -> Offer:
    return Offer(
        offer_id="off_ten",
        name={"fr": "10 % sur tout", "en": "10 % off"},
        currency="EUR",
        effects=(PercentOff(percent=1000),),
        **changes,  # type: ignore[arg-type]
    )


async def test_a_tap_identifies_decides_pays_and_leaves_a_receipt(shop: Shop) -> None:
    await shop.engine.offers.create(M, ten_percent(limits=(Limit(of="uses", cap=5),)))
    await shop.basket(2000)
    session = await shop.engine.stations.present(M, STATION, Card("ndef", "LOYAL-1"))
    assert session.state == "decided"
    assert session.identity is not None
    assert session.identity.pseudonym
    assert session.decision is not None
    assert session.decision.total == 1800
    paid = await shop.pay(await shop.accept(session))
    assert paid.state == "paid"
    assert paid.sale_id is not None
    sale = await shop.engine.sales.get(M, paid.sale_id)
    assert (sale.subtotal, sale.saved, sale.total, sale.points) == (2000, 200, 1800, 18)
    assert sale.receipt.number == 1
    assert sale.receipt.discounts[0].label == "10 % sur tout"
    assert (sale.card_scheme, sale.card_type, sale.entry_mode) == ("cb", "debit", "contactless")
    customer = await shop.engine.customers.get(M, session.identity.customer_id)
    assert (customer.points, customer.visits, customer.spend) == (18, 1, 1800)
    assert await shop.balance("limit:off_ten:0:total:ever") == 4
    assert shop.seen.sales == [paid.sale_id]
