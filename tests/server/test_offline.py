"""Sales made without the server: recorded once, at their own time, with the points of the card that was shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from tests.server.shop import Shop
from tests.server.test_sellers import MANAGERS_PIN, Counter

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


async def test_one_that_comes_late_is_no_clock_that_went_back(tablet: Tablet) -> None:
    for minutes in (2, 30):
        await tablet.send(tablet.sale(minutes))
    events = (await tablet.done("GET", "{station}/events", role="owner"))["items"]
    assert "clock-back" not in [one["kind"] for one in events]


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
        ({"from_station": "sta_4111111111111111"}, "card-number"),
    ],
)
async def test_what_cannot_be_is_said_and_not_recorded(tablet: Tablet, change: dict[str, Any], code: str) -> None:
    (item,) = await tablet.send(tablet.sale(1) | change)
    assert (item["code"], item.get("sale_id")) == (code, None)
    assert await tablet.count() == 0


@pytest.mark.parametrize("said", ["1970-01-02T00:00:00+00:00", "2200-01-01T00:00:00+00:00"])
async def test_a_clock_that_was_wrong_keeps_no_sale_back(tablet: Tablet, said: str) -> None:
    """It is booked when it comes, at the prices of now; what the tablet said is noted, and a repeat is one."""
    one = tablet.sale(1) | {"sold_at": said}
    (item,) = await tablet.send(one)
    assert item["differences"] == [f"its clock said {said}, and was wrong"]
    assert await _differences(tablet) == item["differences"]
    booked = datetime.fromisoformat((await tablet.kept(item["sale_id"]))["receipt"]["at"])
    assert abs(datetime.now(UTC) - booked) < timedelta(minutes=5)
    (again,) = await tablet.send(one)
    assert (again["sale_id"], again["fresh"]) == (item["sale_id"], False)


async def test_what_was_sold_where_nothing_may_be_is_recorded_and_told(tablet: Tablet) -> None:
    """The floor is 0 by now: the goods are gone all the same."""
    (item,) = await tablet.send(tablet.sale(1))
    assert item["fresh"]
    (row,) = (await tablet.done("GET", "/v1/audit?act=offline-sale", role="auditor"))["items"]
    assert row["why"].endswith("; none was allowed")


async def test_a_day_that_the_journal_has_left_is_not_added_to(tablet: Tablet) -> None:
    """Today has receipts: what was sold the day before yesterday is booked today, and its own time is noted."""
    await tablet.sell(500)
    late = tablet.sale(2 * 24 * 60)
    (item,) = await tablet.send(late)
    assert item["differences"] == [f"sold at {late['sold_at']}, a day that is over in the books"]
    booked = datetime.fromisoformat((await tablet.kept(item["sale_id"]))["receipt"]["at"])
    assert abs(datetime.now(UTC) - booked) < timedelta(minutes=5)
    assert await verify(tablet.shop.services.sql) == []


async def test_a_day_that_nothing_came_after_takes_its_sales(tablet: Tablet) -> None:
    """The server was away over night: yesterday's sales are yesterday's."""
    late = tablet.sale(2 * 24 * 60)
    (item,) = await tablet.send(late)
    assert not item.get("differences")
    assert (await tablet.kept(item["sale_id"]))["receipt"]["at"][:16] == late["sold_at"][:16]


async def test_a_tablet_that_is_another_station_by_now_sends_what_it_sold_before(tablet: Tablet) -> None:
    """It is booked here, says where it was made, and is one with what that station may have sent itself."""
    one = tablet.sale(1) | {"from_station": "sta_before"}
    (item,) = await tablet.send(one)
    assert item["differences"] == ["made at the station sta_before, recorded at this one"]
    (same,) = await tablet.send(one)
    assert (same["sale_id"], same["fresh"]) == (item["sale_id"], False)
    sent = tablet.sale(2)
    (first,) = await tablet.send(sent)
    (same,) = await tablet.send(sent | {"from_station": tablet.shop.station_id})
    assert (same["sale_id"], same["fresh"]) == (first["sale_id"], False)


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
    assert await _differences(tablet) == ["line 1: CAKE sold at 1, its price was 1000"]


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


TENTH = {
    "offer_id": "off_tenth",
    "name": {"en": "A tenth off cakes"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000, "on": "line", "items": {"products": ["CAKE"]}}],
}
LIMITED = TENTH | {"offer_id": "off_limited", "limits": [{"of": "uses", "cap": 1}]}


async def _with_offers(tablet: Tablet) -> dict[str, Any]:
    """A cake, an offer that the station may give by itself, and one that it may not; returns the first as listed."""
    cake = {"code": "CAKE", "label": "Cake", "unit_price": 1005, "vat_rate": 550}
    await tablet.done("PUT", "/v1/products/CAKE", cake, role="owner")
    for offer in (TENTH, LIMITED):
        await tablet.done("POST", "/v1/offers", offer, role="owner")
    (listed,) = (await tablet.done("GET", "{station}/offline-offers"))["items"]
    found: dict[str, Any] = listed
    return found


def _cakes(saved: int, offer_id: str = "off_tenth", version: int = 1) -> list[dict[str, Any]]:
    taken = {"offer_id": offer_id, "version": version, "saved": saved}
    return [{"code": "CAKE", "unit_price": 1005, "quantity": 2000, "offer": taken}]


async def _differences(tablet: Tablet) -> list[str]:
    rows = (await tablet.done("GET", "/v1/audit?act=offline-difference", role="auditor"))["items"]
    return [row["why"] for row in rows]


async def test_a_station_is_told_the_offers_that_count_nothing(tablet: Tablet) -> None:
    listed = await _with_offers(tablet)
    assert (listed["offer_id"], listed["percent"], listed["codes"]) == ("off_tenth", 1000, ["CAKE"])
    assert listed["windows"], "it is open"


async def test_an_offer_given_alone_is_recorded_as_the_server_would_have_given_it(tablet: Tablet) -> None:
    await _with_offers(tablet)
    one = tablet.sale(2, 1809, lines=_cakes(201), card=CARD)
    (item,) = await tablet.send(one)
    assert not item.get("differences"), item
    sale = await tablet.kept(item["sale_id"])
    assert (sale["subtotal"], sale["saved"], sale["total"]) == (2010, 201, 1809)
    assert [(offer["offer_id"], offer["saved"]) for offer in sale["offers"]] == [("off_tenth", 201)]
    assert await tablet.send(one) == [item | {"fresh": False}], "again, and nothing more"
    uses = await tablet.done("GET", "/v1/offers/off_tenth/use", role="owner")
    assert (uses["uses"], uses["saved"]) == (1, 201)
    found = (await tablet.done("GET", f"/v1/customers?q={CARD}", role="owner"))["items"][0]
    customer = await tablet.done("GET", f"/v1/customers/{found['customer_id']}", role="owner")
    assert customer["points"] == 18, "a point for each whole euro that was paid, once"
    assert await _differences(tablet) == []
    assert await verify(tablet.shop.services.sql) == []


async def test_an_offer_that_was_changed_meanwhile_stands_as_it_was_shown(tablet: Tablet) -> None:
    await _with_offers(tablet)
    half = TENTH | {"effects": [{"type": "percent_off", "percent": 5000, "on": "line"}]}
    await tablet.done("PUT", "/v1/offers/off_tenth", half, role="owner")
    await tablet.done("POST", "/v1/offers/off_tenth/pause", role="owner")
    (item,) = await tablet.send(tablet.sale(2, 1809, lines=_cakes(201)))
    assert (await tablet.kept(item["sale_id"]))["saved"] == 201


async def test_what_the_station_gave_otherwise_is_sold_so_and_said(tablet: Tablet) -> None:
    await _with_offers(tablet)
    (item,) = await tablet.send(tablet.sale(2, 1710, lines=_cakes(300)))
    told = ["line 1: off_tenth took off 300, by the server 201"]
    assert item["differences"] == told
    sale = await tablet.kept(item["sale_id"])
    assert (sale["saved"], sale["total"], sale["offers"][0]["saved"]) == (300, 1710, 300)
    assert await _differences(tablet) == told
    assert await verify(tablet.shop.services.sql) == []


@pytest.mark.parametrize(
    ("lines", "total", "code"),
    [
        (_cakes(201, "off_limited"), 1809, "offline-offer"),
        (_cakes(201, "off_tenth", 7), 1809, "not-found"),
        (_cakes(2011), 0, "offline-offer"),
    ],
)
async def test_an_offer_that_no_station_gives_is_refused(
    tablet: Tablet, lines: list[dict[str, Any]], total: int, code: str
) -> None:
    await _with_offers(tablet)
    (item,) = await tablet.send(tablet.sale(2, total, lines=lines))
    assert item["code"] == code
    assert await tablet.count() == 0


async def test_a_price_that_was_not_the_products_then_is_said(tablet: Tablet) -> None:
    await _with_offers(tablet)
    lines = [{"code": "CAKE", "unit_price": 990}]
    (item,) = await tablet.send(tablet.sale(0, 990, lines=lines))
    assert item["differences"] == ["line 1: CAKE sold at 990, its price was 1005"]
    before = datetime.now(UTC).isoformat()
    cake = {"code": "CAKE", "label": "Cake", "unit_price": 1100, "vat_rate": 550}
    await tablet.done("PUT", "/v1/products/CAKE", cake, role="owner")
    old = tablet.sale(0, 1005, lines=[{"code": "CAKE", "unit_price": 1005}], sold_at=before)
    (item,) = await tablet.send(old | {"offline_id": "before-the-change"})
    assert not item.get("differences"), "it was the price of that time"


async def test_the_seller_is_who_was_signed_in_then(tablet: Tablet) -> None:
    await _with_offers(tablet)
    seller = tablet.shop.seller_id
    (item,) = await tablet.send(tablet.sale(0, seller_id=seller))
    assert (await tablet.kept(item["sale_id"]))["seller_id"] == seller
    (told,) = item["differences"]
    assert "not signed in" in told
    (item,) = await tablet.send(tablet.sale(1, seller_id="slr_nobody"))
    assert item["differences"] == ["sold by slr_nobody, whom nobody knows"]
    assert len(await _differences(tablet)) == 2


async def test_a_seller_who_was_signed_in_then_is_believed_after_another_has_come(tablet: Tablet) -> None:
    await tablet.setup()
    await tablet.enter()
    one = tablet.sale(0, seller_id=tablet.shop.seller_id)
    await tablet.enter(tablet.shop.manager_id, MANAGERS_PIN)
    (item,) = await tablet.send(one)
    assert not item.get("differences"), item
    assert (await tablet.kept(item["sale_id"]))["seller_id"] == tablet.shop.seller_id
