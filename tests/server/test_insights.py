"""Each figure of the dashboard equals a plain sum over the rows of sales, lines and ledger."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from poi_engine.ports import Job, Query
from tests.server.shop import Shop

pytestmark = pytest.mark.valkey

PARIS = ZoneInfo("Europe/Paris")
PRODUCTS = {"eclair": 350, "tarte": 1890, "cafe": 220, "gateau": 3200}
OFFERS = (
    {"offer_id": "off_ten", "effects": [{"type": "percent_off", "percent": 1000}]},
    {
        "offer_id": "off_cafe",
        "effects": [{"type": "amount_off", "amount": 50, "on": "unit", "items": {"products": ["cafe"]}}],
    },
)


async def rows(shop: Shop, text: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """What a statement reads."""

    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text, values))]

    return await shop.services.sql.read(job)


async def sell(
    shop: Shop, entries: list[dict[str, Any]], means: str, customer: str | None, number: int
) -> dict[str, Any]:
    """A sale over the API."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {})).json
    path = f"/v1/sessions/{session['session_id']}"
    session = (await shop.ask("PUT", f"{path}/basket", {"entries": entries})).json
    if customer is not None:
        identify = shop.services.engine.stations.identify
        await identify(
            shop.merchant_id, session["session_id"], customer, scheme="loyalty", assurance="identify", source="t"
        )
        session = (await shop.ask("GET", path)).json
    if means == "card" and number % 2:
        session = (await shop.ask("POST", f"{path}/card", {})).json
    accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    session = (await shop.ask("POST", f"{path}/accept", accepted)).json
    paid = await shop.ask("POST", f"{path}/pay", {"means": means}, headers={"Idempotency-Key": f"k{number}-{means}"})
    assert paid.status == 200, paid.json
    if paid.json["state"] == "paid":
        return dict(paid.json)
    await shop.ask("POST", f"{path}/status", {})
    await shop.ask("POST", f"{path}/status", {})
    session = (await shop.ask("POST", f"{path}/status", {})).json
    if session["state"] != "paid":
        await shop.ask("POST", f"{path}/abandon", {})
    return dict(session)


@pytest.fixture
async def sold(shop: Shop) -> Shop:
    """A shop after a few dozen varied sales and refunds."""
    for code, price in PRODUCTS.items():
        product = {"code": code, "label": code.title(), "unit_price": price, "category": f"food/{code}"}
        assert (await shop.ask("PUT", f"/v1/products/{code}", product)).status == 200
    for offer in OFFERS:
        made = await shop.ask(
            "POST", "/v1/offers", {**offer, "name": {"en": f"Title of {offer['offer_id']}"}, "currency": "EUR"}
        )
        assert made.status == 201, made.json
    made = [await shop.ask("POST", "/v1/customers", {"display_name": name}) for name in ("Ada", "Bo", "Chloé")]
    customers = [None, *(answer.json["customer_id"] for answer in made)]
    dice = random.Random(7)
    for number in range(32):
        entries: list[dict[str, Any]] = [
            {"code": dice.choice([*PRODUCTS]), "quantity": dice.choice((1000, 2000, 3000))}
            for _ in range(dice.randint(1, 3))
        ]
        if number % 4 == 0:
            entries.append({"amount": dice.randint(100, 5000)})
        means = dice.choice(("card", "card", "cash"))
        customer = dice.choice(customers)
        session = await sell(shop, entries, means, customer, number)
        if session["state"] == "paid" and number % 5 == 0:
            await refund(shop, session["sale_id"], whole=number % 2 == 0)
    return shop


async def refund(shop: Shop, sale_id: str, *, whole: bool) -> None:
    """Take a sale back, or half of its first line or one piece of it."""
    body: dict[str, Any] = {"reason": "returned"}
    if not whole:
        sale = (await shop.ask("GET", f"/v1/sales/{sale_id}")).json
        body["lines"] = [{"line_id": sale["lines"][0]["line_id"], "quantity": 1000}]
    answer = await shop.ask("POST", f"/v1/sales/{sale_id}/refunds", body, headers={"Idempotency-Key": f"r-{sale_id}"})
    assert answer.status == 200 or answer.code in ("refund-declined", "refund-unknown"), answer.json


async def test_each_figure_is_a_plain_sum(sold: Shop) -> None:
    figures = (await sold.ask("GET", "/v1/insights?top=200")).json
    sales = await rows(sold, "select * from sale")
    first = [sale for sale in sales if sale["refund_of"] is None]
    back = [sale for sale in sales if sale["refund_of"] is not None]
    assert len(first) > 20
    assert len(back) > 3
    gross = sum(sale["total"] for sale in first)
    assert figures["totals"] == {
        "sales": len(first),
        "refunds": len(back),
        "total": sum(sale["total"] for sale in sales),
        "saved": sum(sale["saved"] for sale in sales),
        "refunded": -sum(sale["total"] for sale in back),
        "points": sum(sale["points"] for sale in sales),
        "average_basket": gross // len(first),
    }
    assert figures["by_hour"] == _cells(sales)
    assert figures["by_day"] == _days(sales)
    for facet in ("card_type", "card_scheme", "entry_mode", "means"):
        found = {row["value"]: (row["sales"], row["total"]) for row in figures[f"by_{facet}"]}
        assert found == _facet(sales, facet), facet
    known = [sale for sale in first if sale["customer_id"]]
    new = {sale["customer_id"] for sale in known}
    assert figures["customers"] == {
        "new": len(new),
        "returning": len(known) - len(new),
        "anonymous": len(first) - len(known),
    }
    spent = {row["customer_id"]: (row["sales"], row["total"]) for row in figures["top_customers"]}
    assert spent == _facet([sale for sale in sales if sale["customer_id"]], "customer_id")
    for band in figures["basket_sizes"]:
        inside = [sale for sale in first if band["low"] <= sale["total"] < (band["high"] or 10**12)]
        assert band["sales"] == len(inside), band
    assert sum(band["sales"] for band in figures["basket_sizes"]) == len(first)


async def test_products_and_offers_are_sums_over_their_rows(sold: Shop) -> None:
    figures = (await sold.ask("GET", "/v1/insights?top=200")).json
    products: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in await rows(sold, "select * from sale_line"):
        for place, name in enumerate(("quantity", "total", "saved")):
            products[line["code"], line["label"]][place] += line[name]
    shown = {
        (row["code"], row["label"]): [row["quantity"], row["total"], row["saved"]] for row in figures["by_product"]
    }
    assert shown == products
    assert sum(row["total"] for row in figures["by_product"]) == figures["totals"]["total"]
    saved: dict[str, int] = defaultdict(int)
    for use in await rows(sold, "select * from redemption"):
        saved[use["offer_id"]] += use["saved"]
    assert {row["offer_id"]: row["saved"] for row in figures["offers"]} == saved
    assert sum(saved.values()) == figures["totals"]["saved"]


async def test_an_offers_uses_are_the_sales_that_used_it(sold: Shop) -> None:
    figures = (await sold.ask("GET", "/v1/insights?top=200")).json
    uses = await rows(
        sold,
        "select r.offer_id as offer_id, count(*) as uses from redemption r join sale s on s.sale_id = r.sale_id "
        "where s.refund_of is null group by r.offer_id",
    )
    assert {row["offer_id"]: row["uses"] for row in figures["offers"]} == {row["offer_id"]: row["uses"] for row in uses}
    titles = {row["offer_id"]: f"Title of {row['offer_id']}" for row in uses}
    assert {row["offer_id"]: row["name"]["en"] for row in figures["offers"]} == titles
    file = (await sold.ask("GET", "/v1/insights/export/offers?format=csv")).content.decode("utf-8-sig").splitlines()
    assert file[0].startswith("offer_id,name,uses")
    assert {line.split(",")[0]: line.split(",")[1] for line in file[1:]} == titles


async def test_the_ledger_says_the_same(sold: Shop) -> None:
    figures = (await sold.ask("GET", "/v1/insights")).json
    text = "select coalesce(sum(amount), 0) as amount from transfer where phase in ('single', 'post') and "
    taken = (await rows(sold, f"{text} credit like 'sales:%'"))[0]["amount"]
    given = (await rows(sold, f"{text} debit like 'sales:%'"))[0]["amount"]
    assert figures["totals"]["total"] == taken - given
    earned = (await rows(sold, f"{text} debit = 'points'"))[0]["amount"]
    returned = (await rows(sold, f"{text} credit = 'points'"))[0]["amount"]
    assert figures["totals"]["points"] == earned - returned
    for means in ("card", "cash"):
        into = (await rows(sold, f"{text} debit = 'tender:{means}'"))[0]["amount"]
        out = (await rows(sold, f"{text} credit = 'tender:{means}'"))[0]["amount"]
        by_means = {row["value"]: row["total"] for row in figures["by_means"]}
        assert by_means[means] == into - out


async def test_a_period_and_a_store_narrow_it(sold: Shop) -> None:
    other = (await sold.ask("POST", "/v1/stores", {"name": "Other", "zone": "Europe/Paris"})).json["store_id"]
    assert (await sold.ask("GET", f"/v1/insights?store_id={other}")).json["totals"]["total"] == 0
    whole = (await sold.ask("GET", f"/v1/insights?store_id={sold.store_id}")).json["totals"]
    assert whole == (await sold.ask("GET", "/v1/insights")).json["totals"]
    before = (await sold.ask("GET", "/v1/insights?first=2020-01-01&last=2020-01-31")).json
    assert (before["totals"]["sales"], before["by_hour"], before["by_product"]) == (0, [], [])
    refused = await sold.ask("GET", "/v1/insights?first=2026-02-01&last=2026-01-01")
    assert (refused.status, refused.code, refused.json["path"]) == (422, "bad-period", "$.first")


def _when(sale: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(sale["created_at"] / 1_000_000, PARIS)


def _cells(sales: Sequence[dict[str, Any]]) -> list[dict[str, int]]:
    """By weekday and hour of the store's clock, from the moment itself."""
    cells: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for sale in sales:
        cell = cells[_when(sale).isoweekday(), _when(sale).hour]
        cell[0] += sale["refund_of"] is None
        cell[1] += sale["total"]
    return [{"weekday": day, "hour": hour, "sales": c[0], "total": c[1]} for (day, hour), c in sorted(cells.items())]


def _days(sales: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    days: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for sale in sales:
        day = days[_when(sale).date().isoformat()]
        day[0] += sale["refund_of"] is None
        day[1] += sale["total"]
        day[2] += sale["saved"]
    return [{"day": day, "sales": d[0], "total": d[1], "saved": d[2]} for day, d in sorted(days.items())]


def _facet(sales: Sequence[dict[str, Any]], facet: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for sale in sales:
        name = sale[facet] or ""
        number, total = found.get(name, (0, 0))
        found[name] = (number + (sale["refund_of"] is None), total + sale["total"])
    return found
