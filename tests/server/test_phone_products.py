"""Products on a phone: searched, scanned, and compared at the stores with the offers for this very customer."""

from typing import Any

import pytest

from tests.server.shop import Shop

pytestmark = pytest.mark.valkey

HONEY = {"code": "honey", "label": "Honey", "unit_price": 950, "cost": 400, "gtin": "3017620422003"}


@pytest.fixture
async def stocked(shop: Shop) -> Shop:
    """Honey by the pot of 250 g, and rice; one pot lies in the first store, none in the second."""
    pack = {"content": 250_000, "content_unit": "g", "tracked": True}
    await shop.ask("PUT", "/v1/products/honey", {**HONEY, **pack})
    await shop.ask("PUT", "/v1/products/rice", {"code": "rice", "label": "Rice", "unit_price": 300, "unit": "kg"})
    await shop.ask("POST", "/v1/stores", {"name": "Zweite", "zone": "Europe/Paris", "lat": 45.76, "lon": 4.84})
    body = {"kind": "received", "place": shop.store_id, "lines": [{"code": "honey", "quantity": 1000}]}
    assert (await shop.ask("POST", "/v1/stock/movements", body, headers={"Idempotency-Key": "pot"})).status == 201
    return shop


async def _offer(shop: Shop, offer_id: str, conditions: list[Any], amount: int = 200) -> None:
    effects = [{"type": "amount_off", "amount": amount}]
    body = {"offer_id": offer_id, "name": {"en": offer_id}, "currency": "EUR", "effects": effects}
    answer = await shop.ask("POST", "/v1/offers", {**body, "conditions": {"type": "all", "of": conditions}})
    assert answer.status < 300, answer.content


async def _compare(shop: Shop, codes: str, more: str = "") -> Any:
    answer = await shop.ask("GET", f"/v1/me/compare?codes={codes}{more}", role="phone")
    assert answer.status == 200, answer.content
    return answer.json["items"]


async def test_a_search_tells_what_customers_may_know(stocked: Shop) -> None:
    """The price by the kilogram, but neither what it cost the merchant nor how much is left."""
    (found,) = (await stocked.ask("GET", "/v1/me/products?q=hon", role="phone")).json["items"]
    assert (found["code"], found["per_unit"]) == ("honey", {"price": 3800, "unit": "kg"})
    assert found.keys().isdisjoint({"cost", "low_stock", "tracked", "here", "central"})


async def test_what_is_not_on_sale_is_not_found(stocked: Shop) -> None:
    await stocked.ask("PUT", "/v1/products/honey", {**HONEY, "active": False})
    assert (await stocked.ask("GET", "/v1/me/products?q=hon", role="phone")).json["items"] == []
    assert (await stocked.ask("GET", "/v1/me/compare?codes=honey", role="phone")).status == 404


async def test_each_store_has_its_own_price_for_me(stocked: Shop) -> None:
    """An offer of one store counts there; stock is told by store; the unit price follows the discount."""
    shop = stocked
    await _offer(shop, "off_here", [{"type": "stores", "any_of": [shop.store_id]}])
    (honey,) = await _compare(shop, "honey")
    prices = {at["store_id"]: (at["total"], at["saved"], at["in_stock"]) for at in honey["stores"]}
    other = next(store for store in prices if store != shop.store_id)
    assert prices == {shop.store_id: (750, 200, True), other: (950, 0, False)}
    here = next(at for at in honey["stores"] if at["store_id"] == shop.store_id)
    assert here["per_unit"] == {"price": 3000, "unit": "kg"}
    assert [offer["offer_id"] for offer in here["offers"]] == ["off_here"]
    assert honey["central"] is False


async def test_two_products_stand_side_by_side(stocked: Shop) -> None:
    """By code or GTIN, in the order asked for; what is not counted has no stock to tell; a comma is written %2C."""
    items = await _compare(stocked, "rice,3017620422003")
    assert [item["product"]["code"] for item in items] == ["rice", "honey"]
    assert [at["store_id"] for at in items[0]["stores"]] == [at["store_id"] for at in items[1]["stores"]]
    assert {at["in_stock"] for at in items[0]["stores"]} == {None}
    await stocked.ask("PUT", "/v1/products/a%2Cb", {"code": "a,b", "label": "Pair", "unit_price": 100})
    assert (await _compare(stocked, "a%252Cb"))[0]["product"]["code"] == "a,b"


async def test_what_an_offer_still_needs_is_told(stocked: Shop) -> None:
    await _offer(stocked, "off_big", [{"type": "subtotal", "min": 2000}])
    (honey,) = await _compare(stocked, "honey")
    (unlock,) = honey["stores"][0]["unlocks"]
    assert (unlock["offer_id"], unlock["near_miss"]) == ("off_big", {"what": "subtotal", "missing": 1050})


async def test_offers_are_those_of_this_customer(stocked: Shop) -> None:
    """An offer for gold customers is not in the price of somebody who is none, and never for another channel."""
    await _offer(stocked, "off_gold", [{"type": "tier", "any_of": ["gold"]}])
    await _offer(stocked, "off_till", [{"type": "channel", "any_of": ["counter"]}])
    await _offer(stocked, "off_phone", [{"type": "channel", "any_of": ["phone"]}], 100)
    (honey,) = await _compare(stocked, "honey")
    assert {at["saved"] for at in honey["stores"]} == {100}


async def test_the_nearest_store_comes_first(stocked: Shop) -> None:
    (honey,) = await _compare(stocked, "honey", "&lat=45.75&lon=4.85")
    placed = [at["distance"] for at in honey["stores"] if at["distance"] is not None]
    assert placed and placed == sorted(placed)


@pytest.mark.parametrize("codes", [",", "a,b,c,d,e"])
async def test_only_a_few_products_are_compared(stocked: Shop, codes: str) -> None:
    answer = await stocked.ask("GET", f"/v1/me/compare?codes={codes}", role="phone")
    assert (answer.status, answer.code, answer.json["path"]) == (422, "too-many-products", "?codes")


async def test_a_scan_names_a_product_and_nothing_else(stocked: Shop) -> None:
    """A code that is no product of this shop is read, and names none: no card is looked up this way."""
    for text, code in (("3017620422003", "honey"), ("4006381333931", None)):
        answer = await stocked.ask("POST", "/v1/me/scan", {"text": text}, role="phone")
        assert (answer.status, answer.json) == (200, {"seen": True, "code": code}), text
