"""`poi-server decide --offers --requests`: past baskets against a draft catalogue."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Decision
from poi_offers.model import Offer
from poi_offers.policy import Policy
from poi_offers.situation import Situation
from poi_offers.validate import OfferError, check_offer
from poi_server.cli.decide import EXAMPLES
from poi_server.replay.requests import Request
from poi_server.routes.decisions import Asked
from tests.offers.generate import Generator
from tests.server.replayed import PARIS, Desk, ndjson, offer, request
from tests.server.shop import Shop

DEARER = {"type": "subtotal", "min": 5000}
REGULAR = {"customer_id": "cus_1", "tier": "gold", "points": 100}


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    """An empty desk."""
    return Desk(tmp_path, capfd)


def chosen(decisions: Sequence[Decision]) -> list[list[str]]:
    """The chosen offers of each decision."""
    return [[one.offer_id for one in decision.offers] for decision in decisions]


def outcomes(decision: Decision) -> dict[str, str]:
    """Why, offer by offer."""
    return {reason.offer_id: reason.outcome for reason in decision.reasons}


def is_right(one: Offer) -> bool:
    """Whether a merchant could write it."""
    with suppress(OfferError):
        check_offer(one)
        return True
    return False


# --- the answer -------------------------------------------------------------------------------------------------------


def test_one_decision_a_line_in_the_order_of_the_requests(desk: Desk) -> None:
    found = desk.decided([offer("off_1", 250)], [request(price) for price in (1000, 200, 7000)])
    assert [(one.subtotal, one.saved, one.total) for one in found] == [
        (1000, 250, 750),
        (200, 200, 0),
        (7000, 250, 6750),
    ]


def test_the_decisions_are_those_of_decide(desk: Desk) -> None:
    """Random offers and situations: every condition there is, in one run."""
    generator = Generator(30)
    offers = [one for n in range(60) if is_right(one := generator.offer(f"off_{n}"))]
    situations = [generator.situation() for _ in range(60)]
    catalogue = Catalogue(offers)
    expected = [decide(catalogue, one, Policy(), explain="all") for one in situations]
    assert desk.decided(offers, situations, "--explain") == expected
    assert sum(bool(one.offers) for one in expected) > 20


@pytest.mark.valkey
async def test_the_decisions_are_those_of_the_api(desk: Desk, shop: Shop) -> None:
    partner = {"type": "channel", "any_of": ["partner"]}
    offers = [
        offer("off_all"),
        offer("off_app", conditions=partner),
        offer("off_visa", conditions={"type": "card_scheme", "any_of": ["visa"]}),
        offer("off_code", conditions={"type": "code", "any_of": ["SUMMER"]}),
        offer("off_near", conditions={"type": "circle", "lat": 48.85, "lon": 2.35, "radius": 2000}),
    ]
    here = request(place={"zone": "Europe/Paris", "lat": 48.8566, "lon": 2.3522}, explain="all")
    questions = [
        here,
        here | {"payment": {"scheme": "visa"}, "codes": ["summer"]},
        here | {"channel": "counter", "entries": [{"line_id": "2", "label": "Tea", "amount": 320}], "vat_rate": 1000},
    ]
    for one in offers:
        assert (await shop.ask("POST", "/v1/offers", one)).status == 201
    answered = [(await shop.ask("POST", "/v1/decisions", question)).content for question in questions]
    expected = [replace(msgspec.json.decode(one, type=Decision), catalogue_version=0) for one in answered]
    assert await asyncio.to_thread(desk.decided, offers, questions) == expected
    assert [len(one.offers) for one in expected] == [3, 5, 2]


def test_reasons_are_given_for_eligible_offers_and_with_explain_for_all(desk: Desk) -> None:
    offers = [offer("off_1"), offer("off_dear", conditions=DEARER)]
    (brief,), (whole,) = desk.decided(offers, [request()]), desk.decided(offers, [request()], "--explain")
    assert outcomes(brief) == {"off_1": "chosen"}
    assert outcomes(whole) == {"off_1": "chosen", "off_dear": "condition_false"}
    assert whole.reasons[1].near_miss and whole.reasons[1].near_miss.missing == 4000
    (asked,) = desk.decided(offers, [request(explain="all")])
    assert asked == whole, "a request may ask for itself"


def test_the_policy_is_a_name_or_a_file(desk: Desk) -> None:
    alone = {"group": "g", "priority": 0}
    offers = [offer("off_small", 10, stacking=alone | {"priority": 9}), offer("off_big", 900, stacking=alone)]
    assert chosen(desk.decided(offers, [request()])) == [["off_big"]]
    assert chosen(desk.decided(offers, [request()], "--policy", "customer_best")) == [["off_big"]]
    assert chosen(desk.decided(offers, [request()], "--policy", "priority")) == [["off_small"]]
    assert chosen(desk.decided(offers, [request()], "--policy", "margin_best")) == [["off_small"]]
    file = desk.file("policy.json", b'{"choice": "priority", "points_amount": 10}')
    (found,) = desk.decided(offers, [request(customer=REGULAR)], "--policy", file)
    assert (chosen([found]), found.base_points) == ([["off_small"]], 99)


# --- limits -----------------------------------------------------------------------------------------------------------


def test_limits_fill_up_basket_by_basket(desk: Desk) -> None:
    twice = offer("off_twice", limits=[{"of": "uses", "cap": 2}])
    found = desk.decided([twice], [request(50), request(), request(), request()], "--explain")
    assert chosen(found) == [["off_twice"], ["off_twice"], [], []]
    assert outcomes(found[2]) == {"off_twice": "limit_reached"}


def test_money_limits_cut_off_when_too_little_is_left(desk: Desk) -> None:
    purse = offer("off_purse", 300, limits=[{"of": "money", "cap": 700}])
    assert [one.saved for one in desk.decided([purse], [request()] * 4)] == [300, 300, 0, 0]


def test_limits_are_counted_by_customer_and_by_day_of_the_store(desk: Desk) -> None:
    daily = offer("off_daily", limits=[{"of": "uses", "cap": 1, "per": "customer", "period": "day"}])
    asked = [
        request(customer={"customer_id": who}, at=at)
        for who, at in (
            ("cus_1", "2026-11-22T11:00:00Z"),
            ("cus_2", "2026-11-22T11:05:00Z"),
            ("cus_1", "2026-11-22T22:59:00Z"),  # a minute before midnight in Paris
            ("cus_1", "2026-11-22T23:00:00Z"),  # midnight
        )
    ]
    assert chosen(desk.decided([daily], asked)) == [["off_daily"], ["off_daily"], [], ["off_daily"]]


# --- how offers and requests may be written ---------------------------------------------------------------------------

CUT, PAUSED = offer("off_cut"), offer("off_paused", 500)
VIEWS = [
    {"offer": CUT, "state": "live", "changed_at": 1},
    {"offer": PAUSED, "state": "paused", "changed_at": 2},
]


@pytest.mark.parametrize(
    "content",
    [
        ndjson([CUT]),
        b"\xef\xbb\xbf\n" + ndjson([CUT]).replace(b"\n", b"\r\n\r\n"),
        msgspec.json.encode([CUT]),
        b"\n " + msgspec.json.format(msgspec.json.encode([CUT]), indent=4),
        msgspec.json.format(msgspec.json.encode(CUT), indent=2),
        ndjson(VIEWS),
        msgspec.json.encode(VIEWS),
        msgspec.json.encode({"items": VIEWS, "next": None}),
        msgspec.json.encode({"items": [CUT], "next": "off_cut"}),
    ],
    ids=["lines", "lines of Windows", "array", "tidy array", "tidy offer", "export", "views", "page", "page of offers"],
)
def test_a_catalogue_is_lines_an_array_or_what_the_api_shows(desk: Desk, content: bytes) -> None:
    assert chosen(desk.decided(content, [request()])) == [["off_cut"]]
    assert ("left out, not live (1): off_paused" in desk.error) is (b"off_paused" in content)


def test_a_request_has_every_field_of_the_api_and_of_a_situation() -> None:
    fields = set(Request.__struct_fields__)
    assert fields >= set(Asked.__struct_fields__)
    assert fields >= set(Situation.__struct_fields__)


def test_both_shapes_of_a_request_ask_the_same(desk: Desk) -> None:
    flat = request(customer=REGULAR, channel="counter", rewards=["off_prize"], codes=["SUMMER"])
    parts = ("currency", "items", "rewards", "codes")
    nested = {name: value for name, value in flat.items() if name not in parts}
    nested["basket"] = {name: flat[name] for name in parts}
    conditions = {"type": "code", "any_of": ["SUMMER"]}
    first, second = desk.decided([offer("off_prize", reward_points=60, conditions=conditions)], [flat, nested])
    assert first == second
    assert chosen([first]) == [["off_prize"]]


def test_without_a_channel_each_shape_means_what_it_means_elsewhere(desk: Desk) -> None:
    counter, partner = ({"type": "channel", "any_of": [channel]} for channel in ("counter", "partner"))
    flat = request()
    nested = {"at": flat["at"], "place": PARIS, "basket": {"currency": "EUR", "items": flat["items"]}}
    offers = [offer("off_counter", conditions=counter), offer("off_partner", conditions=partner)]
    assert chosen(desk.decided(offers, [flat, nested])) == [["off_partner"], ["off_counter"]]


def test_a_request_may_name_a_store_of_a_list(desk: Desk) -> None:
    store = {
        "store_id": "sto_9",
        "name": "Marseille",
        "zone": "Europe/Paris",
        "regions": ["FR-13"],
        "lat": 43.3,
        "lon": 5.4,
    }
    asked: dict[str, Any] = request() | {"store_id": "sto_9"}
    del asked["place"]
    local = offer("off_local", conditions={"type": "region", "any_of": ["FR-13"]})
    for content in ({"items": [store]}, [store]):
        stores = desk.file("stores.json", msgspec.json.encode(content))
        assert chosen(desk.decided([local], [asked], "--stores", stores)) == [["off_local"]]


def test_requests_without_a_time_are_asked_at_one_that_is_given(desk: Desk) -> None:
    december = offer("off_december", conditions={"type": "dates", "first": "2026-12-01"})
    timeless = request()
    del timeless["at"]
    found = desk.decided([december], [timeless, request()], "--at", "2026-12-24T17:00:00Z")
    assert chosen(found) == [["off_december"], []]


def test_the_requests_that_teach_are_right(desk: Desk) -> None:
    page = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text("utf-8")
    taught = [re.findall(r'{"at".*?}}', text, re.DOTALL)[0] for text in (page, EXAMPLES)]
    assert len(desk.decided([offer("off_1")], [msgspec.json.decode(text) for text in taught])) == 2


# --- the summary ------------------------------------------------------------------------------------------------------


def test_the_summary_tells_baskets_money_and_uses(desk: Desk) -> None:
    offers = [
        offer("off_cut", 250, limits=[{"of": "uses", "cap": 2}]),
        offer("off_points", effects=[{"type": "points_fixed", "points": 40}]),
        offer("off_never", conditions=DEARER),
    ]
    asked = [request(), request(customer=REGULAR), request(2000), request(customer=REGULAR)]
    desk.decided(offers, asked)
    assert desk.error.replace(f"{desk.folder}/", "") == (
        "3 offers from offers\n"
        "4 baskets, 3 with an offer (75.0%)\n"
        "  before  EUR 50.00\n"
        "  saved   EUR 5.00  (10.0%)\n"
        "  value   EUR 5.80  (with points and stored value)\n"
        "a limit stood in the way of an offer 2 times\n"
        "\n"
        "offer       uses     saved     value\n"
        "off_cut        2  EUR 5.00  EUR 5.00\n"
        "off_points     2  EUR 0.00  EUR 0.80\n"
        "never chosen (1 of 3 offers): off_never\n"
    )


def test_each_currency_is_summed_in_its_own_digits(desk: Desk) -> None:
    desk.decided([offer("off_yen", currency="JPY")], [request(), request(5000, currency="JPY")])
    assert "before  EUR 10.00\n" in desk.error
    assert "before  JPY 5,000\n  saved   JPY 100  (2.0%)\n" in desk.error


def test_nothing_asked_is_nothing_answered(desk: Desk) -> None:
    assert desk.decided([offer("off_1")], b"\n\n") == []
    assert "0 baskets, 0 with an offer\nnever chosen (1 of 1 offer): off_1\n" in desk.error
