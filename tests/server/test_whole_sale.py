"""POST /v1/stations/{id}/sale: a whole sale in one request, made once however often it is sent."""

import asyncio
from typing import Any

import aiohttp
import pytest

from poi_engine.ports import Job, PaymentResult, Query
from poi_engine.session import Session
from tests.server.shop import Answer, Shop
from tests.server.test_live import told, watching

ECLAIR = {"label": "Eclair", "amount": 350}


async def sold(shop: Shop, key: str = "key-1", role: str = "station", **body: Any) -> Answer:
    """Send a sale of an éclair, changed by `body`."""
    wish = {"entries": [ECLAIR], "accept_up_to": 350, "means": "cash"} | body
    path = f"/v1/stations/{shop.station_id}/sale"
    return await shop.ask("POST", path, wish, role=role, headers={"Idempotency-Key": key})


async def sales_of(shop: Shop) -> int:
    """How many sales there are."""

    def job() -> Job[int]:
        rows = yield Query("select count(*) as made from sale")
        return int(rows[0]["made"])

    return await shop.services.sql.read(job)


async def state_of(shop: Shop) -> str | None:
    """The state of the station's session, if it has one."""
    session = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session", role="station")).json
    return session["state"] if session else None


async def cut(*_: Any, **__: Any) -> Any:
    """Ends whoever waits for it."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("means", ["cash", "card"])
async def test_one_request_sells(shop: Shop, means: str) -> None:
    answer = await sold(shop, means=means)
    assert (answer.status, answer.json["state"], answer.json["decision"]["total"]) == (200, "paid", 350)
    assert await sales_of(shop) == 1


async def test_the_same_key_sells_once(shop: Shop) -> None:
    answers = await asyncio.gather(*(sold(shop) for _ in range(4)))
    answers.append(await sold(shop))
    assert {answer.json["sale_id"] for answer in answers if answer.status == 200} == {answers[-1].json["sale_id"]}
    assert {answer.code for answer in answers if answer.status != 200} <= {"payment-under-way", "session-busy"}
    assert await sales_of(shop) == 1
    assert (await sold(shop, "key-2")).json["state"] == "paid"
    assert await sales_of(shop) == 2


OTHERS: list[dict[str, Any]] = [
    {"entries": [ECLAIR, ECLAIR], "accept_up_to": 700},
    {"entries": [ECLAIR | {"label": "Tarte"}]},
    {"codes": ["SUMMER"]},
    {"means": "card"},
    {"accept_up_to": 351},
    {"credential": "LOY-0001"},
]


async def test_the_same_key_for_another_sale_is_refused(shop: Shop) -> None:
    await sold(shop)
    for other in OTHERS:
        answer = await sold(shop, **other)
        assert (answer.status, answer.code) == (422, "idempotency-mismatch"), other
    assert await sales_of(shop) == 1
    assert (await sold(shop)).json["state"] == "paid"


async def test_a_key_whose_payment_was_cut_is_for_the_same_sale_only(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = shop.services.engine.wiring.connectors["simulator"]
    card: dict[str, Any] = {"credential": "LOY-0001", "means": "card"}
    with monkeypatch.context() as cutting:
        cutting.setattr(terminal, "authorise", cut)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await sold(shop, **card)
    for other in ({}, {"credential": "LOY-0001"}, card | {"credential": "LOY-0002"}):
        answer = await sold(shop, **other)
        assert (answer.status, answer.code) == (422, "idempotency-mismatch"), other
    assert (await sold(shop, **card)).code == "payment-under-way"
    assert await sales_of(shop) == 0


async def test_nothing_is_sold_for_more_than_was_accepted(shop: Shop) -> None:
    answer = await sold(shop, accept_up_to=349)
    assert (answer.status, answer.code, answer.json["path"]) == (409, "total-above", "$.accept_up_to")
    assert (await sales_of(shop), await state_of(shop)) == (0, None)


async def test_a_declined_card_leaves_the_station_free(shop: Shop) -> None:
    entries = [{"label": "Box", "amount": 1005}]  # the simulated terminal declines what ends in 05
    answer = await sold(shop, entries=entries, accept_up_to=1005, means="card")
    assert (answer.status, answer.json["state"]) == (200, "declined")
    assert await state_of(shop) in (None, "abandoned")
    again = await sold(shop, entries=entries, accept_up_to=1005, means="card")
    assert (again.status, again.json["state"]) == (200, "declined")
    assert (await sold(shop, "key-2")).json["state"] == "paid"


async def test_a_payment_in_doubt_stays_in_doubt(shop: Shop) -> None:
    entries = [{"label": "Box", "amount": 1013}]  # no answer after it was sent
    answer = await sold(shop, entries=entries, accept_up_to=1013, means="card")
    assert (answer.json["state"], await state_of(shop)) == ("unknown", "unknown")
    refused = await sold(shop, "key-2")
    assert (refused.status, refused.code) == (409, "station-busy")


async def test_whoever_is_served_there_is_not_disturbed(shop: Shop) -> None:
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", role="station")).json
    answer = await sold(shop)
    assert (answer.status, answer.code) == (409, "station-busy")
    kept = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session", role="station")).json
    assert kept["session_id"] == session["session_id"]


async def test_the_customer_is_known_by_a_card(shop: Shop) -> None:
    answer = await sold(shop, credential="LOY-0001")
    assert (answer.status, answer.json["identity"]["scheme"]) == (200, "loyalty")


@pytest.mark.parametrize(("credential", "code"), [("https://example.org/", "unreadable")])
async def test_a_code_that_is_nobodys_is_refused(shop: Shop, credential: str, code: str) -> None:
    answer = await sold(shop, credential=credential)
    assert (answer.status, answer.code, answer.json["path"]) == (422, code, "$.credential")
    assert await sales_of(shop) == 0


async def test_a_killed_request_leaves_nothing_and_is_repeated(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request ended once it was decided: nobody is served there, and the repeated one sells."""
    with monkeypatch.context() as cutting:
        cutting.setattr(shop.services.engine.checkout, "pay", cut)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await sold(shop)
    assert await state_of(shop) is None
    answer = await sold(shop)
    assert (answer.status, answer.json["state"], await state_of(shop)) == (200, "paid", "paid")
    assert await sales_of(shop) == 1


async def test_two_keys_at_once_are_not_served_at_one_station(shop: Shop) -> None:
    answers = await asyncio.gather(*(sold(shop, f"key-{number}") for number in range(4)))
    made = [answer for answer in answers if answer.status == 200]
    assert {answer.code for answer in answers if answer.status != 200} <= {"station-busy"}
    assert await sales_of(shop) == len(made) >= 1


async def test_the_session_is_stored_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, stored = shop.services.sessions, list[str]()
    save = sessions.save

    async def counted(session: Session, *, expected_revision: int | None) -> bool:
        stored.append(session.state)
        return await save(session, expected_revision=expected_revision)

    monkeypatch.setattr(sessions, "save", counted)
    for number, means in enumerate(["card", "cash"]):
        await sold(shop, f"key-{number}", means=means)
    assert stored == ["paid", "paid"]


@pytest.mark.parametrize("means", ["card", "cash"])
async def test_the_stations_screens_see_it_on_its_way(shop: Shop, monkeypatch: pytest.MonkeyPatch, means: str) -> None:
    """The customer's screen has the basket and the total while the terminal is busy, and then the end."""
    terminal, go_on = shop.services.engine.wiring.connectors["simulator"], asyncio.Event()
    authorise = terminal.authorise

    async def slow(*given: Any) -> PaymentResult:
        await go_on.wait()
        return await authorise(*given)

    monkeypatch.setattr(terminal, "authorise", slow)
    async with watching(shop, "station", watch="station", station_id=shop.station_id) as screen:
        selling = asyncio.create_task(sold(shop, means=means))
        shown = (await told(screen, lambda message: message["kind"] == "session"))["session"]
        assert (shown["state"], shown["decision"]["total"]) == ("paying", 350)
        assert [item["label"] for item in shown["basket"]["items"]] == ["Eclair"]
        go_on.set()
        ended = (await told(screen, lambda message: message["kind"] == "session"))["session"]
        paid = (await selling).json
    assert (ended["state"], ended["sale_id"]) == ("paid", paid["sale_id"])
    assert ended["revision"] > shown["revision"]
