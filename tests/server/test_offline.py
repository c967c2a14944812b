"""Sales made without the server: recorded once, at their own time, with the points of the card that was shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from tests.server.shop import Shop
from tests.server.test_sellers import Counter

CARD = "2900000000017"


class Tablet(Counter):
    """A station that was offline, and its queue."""

    def sale(self, number: int, total: int = 700, **more: Any) -> dict[str, Any]:
        """A sale for cash, made so many minutes ago."""
        at = datetime.now(UTC) - timedelta(minutes=number)
        lines = [{"label": "Cake", "unit_price": total}]
        return {"offline_id": f"queued-{number:012}", "sold_at": at.isoformat(), "lines": lines, "total": total} | more

    async def send(self, *sales: dict[str, Any]) -> list[dict[str, Any]]:
        """What became of each."""
        answer = await self.done("POST", "{station}/offline-sales", {"sales": list(sales)})
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def kept(self, sale_id: str) -> dict[str, Any]:
        """A sale as it was recorded."""
        found: dict[str, Any] = await self.done("GET", f"/v1/sales/{sale_id}")
        return found

    async def count(self) -> int:
        """How many sales there are."""

        def job() -> Job[int]:
            return int((yield Query("select count(*) as n from sale"))[0]["n"])

        return await self.shop.services.sql.read(job)


@pytest.fixture
def tablet(shop: Shop) -> Tablet:
    """The shop's station."""
    return Tablet(shop)


async def test_a_queue_is_recorded_oldest_first_each_at_its_own_time(tablet: Tablet) -> None:
    late, early = tablet.sale(5, 300), tablet.sale(50, 700, given=1000)
    items = await tablet.send(late, early)
    assert [(one["offline_id"], one["fresh"]) for one in items] == [
        (early["offline_id"], True),
        (late["offline_id"], True),
    ]
    first, second = [await tablet.kept(one["sale_id"]) for one in items]
    assert (first["total"], second["total"]) == (700, 300)
    assert (first["receipt"]["number"], second["receipt"]["number"]) == (1, 2)
    payment = first["receipt"]["payments"][0]
    assert (payment["means"], payment["amount"], payment["given"]) == ("cash", 700, 1000)
    sold = datetime.fromisoformat(early["sold_at"]).strftime("%M")
    assert first["receipt"]["at"][14:16] == sold, "the minute it was sold, not the one it was recorded"


async def test_sent_again_and_at_once_a_sale_is_recorded_once(tablet: Tablet) -> None:
    one = tablet.sale(3)
    answers = await asyncio.gather(*(tablet.send(one) for _ in range(4)))
    again = await tablet.send(one)
    assert {answer[0]["sale_id"] for answer in [*answers, again]} == {answers[0][0]["sale_id"]}
    assert await tablet.count() == 1
    assert sum(answer[0]["fresh"] for answer in answers) == 1


async def test_another_sale_by_the_same_name_is_refused_and_stops_no_other(tablet: Tablet) -> None:
    one = tablet.sale(3)
    await tablet.send(one)
    wrong = one | {"total": 900, "lines": [{"unit_price": 900}]}
    items = await tablet.send(wrong, tablet.sale(2, 100))
    assert [item["code"] for item in items] == ["idempotency-mismatch", ""]
    (other,) = await tablet.send(one | {"card": CARD})
    assert other["code"] == "idempotency-mismatch", "the same total makes it no repeat"
    assert await tablet.count() == 2


async def test_the_card_that_was_shown_earns_its_points_once(tablet: Tablet) -> None:
    one = tablet.sale(3, 5000, card=CARD)
    await tablet.send(one)
    await tablet.send(one)
    found = (await tablet.done("GET", f"/v1/customers?q={CARD}", role="owner"))["items"][0]
    points = (await tablet.done("GET", f"/v1/customers/{found['customer_id']}", role="owner"))["points"]
    assert points == 50, "a point for each euro, once"


async def test_the_price_of_then_stands_and_so_does_what_else_is_known_of_the_product(tablet: Tablet) -> None:
    cake = {"code": "CAKE", "label": "Cake", "unit_price": 1000, "vat_rate": 550}
    await tablet.done("PUT", "/v1/products/CAKE", cake, role="owner")
    lines = [{"code": "CAKE", "unit_price": 900, "quantity": 2000}, {"code": "GONE", "label": "Tart", "unit_price": 50}]
    (item,) = await tablet.send(tablet.sale(1, 1850, lines=lines))
    line, gone = (await tablet.kept(item["sale_id"]))["lines"]
    assert (line["code"], line["unit_price"], line["vat_rate"], line["total"]) == ("CAKE", 900, 550, 1800)
    assert (gone["code"], gone["label"], gone["total"]) == ("", "Tart", 50), "no product by that code any more"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total": 701}, "offline-total"),
        ({"given": 699}, "given-too-little"),
        ({"sold_at": "2020-01-01T00:00:00Z"}, "offline-time"),
        ({"sold_at": "2200-01-01T00:00:00Z"}, "offline-time"),
    ],
)
async def test_what_cannot_be_is_said_and_not_recorded(tablet: Tablet, change: dict[str, Any], code: str) -> None:
    (item,) = await tablet.send(tablet.sale(1) | change)
    assert (item["code"], item.get("sale_id")) == (code, None)
    assert await tablet.count() == 0


async def test_a_sale_of_a_day_that_was_closed_meanwhile_waits_for_the_next(tablet: Tablet) -> None:
    """Nothing is written into a closed day; the tablet keeps it."""
    await tablet.send(tablet.sale(30))
    await tablet.done("POST", "{station}/closings", {"kind": "day"}, role="manager")
    (item,) = await tablet.send(tablet.sale(20))
    assert (item["code"], item.get("sale_id")) == ("day-closed", None)


async def test_each_is_in_the_audit_and_the_books_are_whole(tablet: Tablet) -> None:
    await tablet.done("PUT", "/v1/settings/offline", {"floor_limit": 500}, role="owner")
    assert (await tablet.done("GET", "{station}/means"))["floor_limit"] == 500
    items = await tablet.send(tablet.sale(2, 400), tablet.sale(1, 700))
    rows = (await tablet.done("GET", "/v1/audit?act=offline-sale", role="auditor"))["items"]
    assert [row["subject_id"] for row in rows] == [items[1]["sale_id"], items[0]["sale_id"]]
    assert "above the floor of 500" in rows[0]["why"]
    assert "floor" not in rows[1]["why"]
    assert await verify(tablet.shop.services.sql) == []


async def test_another_price_than_the_products_is_in_the_audit(tablet: Tablet) -> None:
    """A queue is no way to give discounts unseen."""
    cake = {"code": "CAKE", "label": "Cake", "unit_price": 1000, "vat_rate": 550}
    await tablet.done("PUT", "/v1/products/CAKE", cake, role="owner")
    await tablet.send(tablet.sale(2, 1, lines=[{"code": "CAKE", "unit_price": 1}]))
    await tablet.send(tablet.sale(1, 1000, lines=[{"code": "CAKE", "unit_price": 1000}]))
    rows = (await tablet.done("GET", "/v1/audit?act=offline-sale", role="auditor"))["items"]
    assert ["other prices: CAKE: 1000 -> 1" in row["why"] for row in rows] == [False, True]


async def test_a_payment_cards_number_is_kept_nowhere(tablet: Tablet) -> None:
    number = "4111111111111111"
    lines = [{"label": number, "unit_price": 300}, {"code": number, "unit_price": 400}]
    items = await tablet.send(tablet.sale(2, card=number, lines=lines), tablet.sale(1) | {"offline_id": number})
    assert [one["code"] for one in items] == ["", "card-number"]
    sale = await tablet.kept(items[0]["sale_id"])
    assert number not in str(sale)
    assert await verify(tablet.shop.services.sql) == []


async def test_nothing_is_recorded_at_a_station_in_training(tablet: Tablet) -> None:
    await tablet.done("PUT", "/v1/settings/offline", {"floor_limit": 500}, role="owner")
    await tablet.done("POST", "{station}/training", {"on": True}, role="manager")
    assert (await tablet.done("GET", "{station}/means"))["floor_limit"] == 0
    answer = await tablet.ask(
        "POST", f"/v1/stations/{tablet.shop.station_id}/offline-sales", {"sales": [tablet.sale(1)]}
    )
    assert (answer.status, answer.json["code"]) == (409, "in-training")
    assert await tablet.count() == 0


async def test_another_station_records_nothing_here(tablet: Tablet) -> None:
    answer = await tablet.ask("POST", "/v1/stations/sta_other/offline-sales", {"sales": [tablet.sale(1)]})
    assert answer.status in (403, 404)
