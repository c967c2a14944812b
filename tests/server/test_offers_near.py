"""Offers near a phone: the nearest stores first, and no more of them than one answer may cost."""

import pytest

from poi_engine.setup import NewStore
from poi_offers.model import Offer
from poi_offers.offer_effects import Message
from poi_server.routes.phone import NEAR_STORES
from tests.server.shop import Shop

pytestmark = pytest.mark.valkey


async def test_only_the_nearest_stores_are_decided(shop: Shop) -> None:
    offer = Offer(offer_id="off_1", name={"en": "hello"}, currency="EUR", effects=(Message(text={"en": "hello"}),))
    await shop.services.engine.offers.create(shop.merchant_id, offer)
    for number in range(NEAR_STORES + 5):  # a hundredth of a degree is about 1.1 km
        store = NewStore(name=f"S{number:02}", zone="Europe/Paris", lat=48.0 + 0.01 * (30 - number), lon=2.0)
        await shop.services.setup.add_store(shop.merchant_id, store)
    answer = await shop.ask("GET", "/v1/me/offers?lat=48.0&lon=2.0", role="phone")
    distances = [item["distance"] for item in answer.json["items"]]
    placed = [metres for metres in distances if metres is not None]
    assert len(distances) == NEAR_STORES
    assert placed == sorted(placed)
    assert max(placed) < 28_000, "the stores farther away are left out"
