"""Sales made without the server that are refused for good: given up by a person, on record."""

from typing import Any

from poi_engine.pan import find_pan
from tests.server.shop import Shop
from tests.server.test_offline import Tablet

DROPPED = "{station}/offline-sales/dropped"


def _spoilt(**more: Any) -> dict[str, Any]:
    return {
        "offline_id": "spoilt-000000000001",
        "what": "2026-11-22 -100: not a sale",
        "reason": "rung up again",
    } | more


async def test_one_that_is_refused_for_good_is_given_up_on_record(shop: Shop) -> None:
    tablet = Tablet(shop)
    await tablet.done("POST", DROPPED, _spoilt(), role="manager")
    (entry,) = (await tablet.done("GET", "/v1/audit?act=offline-dropped", role="auditor"))["items"]
    assert (entry["subject_id"], entry["station_id"]) == ("spoilt-000000000001", tablet.shop.station_id)
    assert entry["why"] == "rung up again; 2026-11-22 -100: not a sale"
    assert entry["who"] == f"seller:{tablet.shop.manager_id}"
    assert await tablet.count() == 0


async def test_a_seller_gives_it_up_with_a_second_person_and_once_on_record(shop: Shop) -> None:
    tablet = Tablet(shop)
    await tablet.setup()
    await tablet.enter()
    assert (await tablet.ask("POST", DROPPED, _spoilt())).code == "approval-needed"
    approval = await tablet.consent("resolve", "spoilt-000000000001", 0)
    for again in (approval, approval):  # the first answer may have been lost
        await tablet.done("POST", DROPPED, _spoilt(approval_id=again))
    (entry,) = (await tablet.done("GET", "/v1/audit?act=offline-dropped", role="auditor"))["items"]
    assert entry["why"].endswith(f"; with seller:{tablet.shop.manager_id}")


async def test_what_is_said_of_it_keeps_no_cards_number(shop: Shop) -> None:
    tablet = Tablet(shop)
    card = next(number for number in (f"497010123456789{digit}" for digit in range(10)) if find_pan(number))
    for name in ("what", "reason"):
        refused = await tablet.ask("POST", DROPPED, _spoilt(**{name: f"by {card}"}), role="manager")
        assert (refused.code, refused.json["path"]) == ("card-number", f"$.{name}")
    await tablet.done("POST", DROPPED, _spoilt(offline_id=card), role="manager")
    (entry,) = (await tablet.done("GET", "/v1/audit?act=offline-dropped", role="auditor"))["items"]
    assert find_pan(str(entry)) is None


async def test_another_station_gives_up_nothing_here(shop: Shop) -> None:
    tablet = Tablet(shop)
    refused = await tablet.ask("POST", "/v1/stations/sta_other/offline-sales/dropped", _spoilt())
    assert refused.code == "station-refused"
