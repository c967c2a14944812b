"""Sales made without the server that are refused for good: given up by a person, on record."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from poi_engine.pan import find_pan
from tests.server.shop import Shop, open_shop
from tests.server.test_offline import Tablet

DROPPED = "{station}/offline-sales/dropped"


SPOILT = "spoilt-000000000001"


def _spoilt(sale: Any = None, **more: Any) -> dict[str, Any]:
    """What gives up a sale, of itself one whose amount cannot be."""
    at = "2026-11-22T10:00:00Z"
    sale = sale or {"offline_id": SPOILT, "sold_at": at, "total": -100, "lines": []}
    return {"offline_id": sale["offline_id"], "sale": sale, "reason": "rung up again"} | more


async def dropped(tablet: Tablet) -> list[dict[str, Any]]:
    """What the audit has of sales that were given up."""
    items: list[dict[str, Any]] = (await tablet.done("GET", "/v1/audit?act=offline-dropped", role="auditor"))["items"]
    return items


async def test_one_that_is_refused_for_good_is_given_up_on_record_with_why_the_server_refused_it(shop: Shop) -> None:
    tablet = Tablet(shop)
    await tablet.done("POST", DROPPED, _spoilt(), role="manager")
    (entry,) = await dropped(tablet)
    assert (entry["subject_id"], entry["station_id"]) == (SPOILT, tablet.shop.station_id)
    refusal = "unreadable: It is no sale that can be read: Expected `int` >= 0 - at `$.total`"
    assert entry["why"] == f"rung up again; 2026-11-22T10:00:00Z -100: {refusal}"
    assert entry["who"] == f"seller:{tablet.shop.manager_id}"
    assert await tablet.count() == 0


async def test_one_whose_lines_do_not_add_up_is_given_up_and_not_recorded_afterwards(shop: Shop) -> None:
    tablet = Tablet(shop)
    wrong = tablet.sale(3) | {"total": 701}
    assert (await tablet.send(wrong))[0]["code"] == "offline-total"
    await tablet.done("POST", DROPPED, _spoilt(wrong), role="manager")
    (entry,) = await dropped(tablet)
    said = f"rung up again; {wrong['sold_at']} 701: offline-total: The lines add up to 700, not 701."
    assert entry["why"] == said
    mended = wrong | {"total": 700}
    assert (await tablet.send(mended))[0]["code"] == "offline-dropped"
    assert await tablet.count() == 0


async def test_what_the_server_records_or_has_recorded_is_not_dropped(shop: Shop) -> None:
    tablet = Tablet(shop)
    good = tablet.sale(3)
    refused = await tablet.ask("POST", DROPPED, _spoilt(good), role="manager")
    assert (refused.status, refused.code) == (409, "not-refused")
    assert await tablet.count() == 0, "it was tried, and undone"
    (recorded,) = await tablet.send(good)
    assert recorded["fresh"]
    mangled = good | {"lines": "?"}
    for told in (good, mangled):
        refused = await tablet.ask("POST", DROPPED, _spoilt(told), role="manager")
        assert (refused.status, refused.code) == (409, "not-refused")
    assert (await dropped(tablet), await tablet.count()) == ([], 1)


async def test_what_waits_for_the_next_day_is_not_dropped(shop: Shop) -> None:
    tablet = Tablet(shop)
    await tablet.send(tablet.sale(5))
    await tablet.done("POST", "{station}/closings", {"kind": "day"}, role="owner")
    waiting = tablet.sale(1)
    assert (await tablet.send(waiting))[0]["code"] == "day-closed"
    refused = await tablet.ask("POST", DROPPED, _spoilt(waiting), role="manager")
    assert (refused.status, refused.code) == (409, "not-refused")


async def test_another_sale_by_the_name_of_a_recorded_one_is_given_up_and_that_one_stays(shop: Shop) -> None:
    tablet = Tablet(shop)
    good = tablet.sale(3)
    await tablet.send(good)
    other = good | {"total": 900, "lines": [{"unit_price": 900}]}
    await tablet.done("POST", DROPPED, _spoilt(other), role="manager")
    (entry,) = await dropped(tablet)
    assert "idempotency-mismatch" in entry["why"]
    assert not (await tablet.send(good))[0]["fresh"]
    assert await tablet.count() == 1


async def test_dropped_and_recorded_at_once_it_is_one_of_both(shop: Shop) -> None:
    await _dropped_and_recorded_at_once(Tablet(shop))


@pytest.mark.postgresql
async def test_of_transactions_side_by_side_one_decides(tmp_path: Path, postgres_url: str, valkey_url: str) -> None:
    async with open_shop(tmp_path, valkey_url, sql=postgres_url) as shop:
        await _dropped_and_recorded_at_once(Tablet(shop))


async def _dropped_and_recorded_at_once(tablet: Tablet) -> None:
    """Sales as two devices have them: one has each spoilt, and people drop it while the other one sends it."""

    async def after(seconds: float, what: Coroutine[Any, Any, Any]) -> Any:
        await asyncio.sleep(seconds)
        return await what

    for number in range(1, 17):
        good = tablet.sale(number)
        spoilt = _spoilt(good | {"lines": "?"})
        dropping = [after(0.002 * (number % 8), tablet.ask("POST", DROPPED, spoilt, role="manager")) for _ in range(2)]
        *answers, first, second = await asyncio.gather(*dropping, tablet.send(good), tablet.send(good))
        kept = any(item.get("sale_id") for item in (*first, *second))
        assert {answer.code for answer in answers} == ({"not-refused"} if kept else {""})
        assert {item.get("code", "") for item in (*first, *second)} == ({""} if kept else {"offline-dropped"})
        gone = [entry for entry in await dropped(tablet) if entry["subject_id"] == good["offline_id"]]
        assert len(gone) == (0 if kept else 1)
    assert await tablet.count() + len(await dropped(tablet)) == 16


async def test_a_seller_gives_it_up_with_a_second_person_and_once_on_record(shop: Shop) -> None:
    tablet = Tablet(shop)
    await tablet.setup()
    await tablet.enter()
    assert (await tablet.ask("POST", DROPPED, _spoilt())).code == "approval-needed"
    approval = await tablet.consent("resolve", SPOILT, 0)
    for again in (approval, approval):  # the first answer may have been lost
        await tablet.done("POST", DROPPED, _spoilt(approval_id=again))
    (entry,) = await dropped(tablet)
    assert entry["why"].endswith(f"; with seller:{tablet.shop.manager_id}")


async def test_what_is_said_of_it_keeps_no_cards_number(shop: Shop) -> None:
    tablet = Tablet(shop)
    card = next(number for number in (f"497010123456789{digit}" for digit in range(10)) if find_pan(number))
    refused = await tablet.ask("POST", DROPPED, _spoilt(reason=f"by {card}"), role="manager")
    assert (refused.code, refused.json["path"]) == ("card-number", "$.reason")
    for number, spoilt in enumerate((_spoilt(offline_id=card), _spoilt({"offline_id": SPOILT, "sold_at": card}))):
        await tablet.done("POST", DROPPED, spoilt, role="manager")
        entries = await dropped(tablet)
        assert len(entries) == number + 1
        assert find_pan(str(entries)) is None


async def test_another_station_gives_up_nothing_here(shop: Shop) -> None:
    tablet = Tablet(shop)
    refused = await tablet.ask("POST", "/v1/stations/sta_other/offline-sales/dropped", _spoilt())
    assert refused.code == "station-refused"
