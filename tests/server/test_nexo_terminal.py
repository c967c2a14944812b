"""A nexo terminal at a counter, over the API: the card decides the offers, pays, is let go; doubt is asked about."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from poi_engine.clock import SystemClock
from poi_engine.connectors.nexo_simulator import NexoDone, NexoFault, SimulatedNexoTerminal
from poi_engine.connectors.nexo_terminal.connector import opened
from poi_engine.ports import ConnectorSetup
from poi_engine.setup import NewStation
from poi_server.cli.doctor import _terminal
from poi_server.config import Payment, Terminal
from tests.connectors.certificates import terminal_certificate
from tests.server.shop import Shop, open_shop

pytestmark = pytest.mark.valkey
MASTERCARD = {
    "offer_id": "off_card",
    "name": {"en": "With this card"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000}],
    "conditions": {"type": "card_scheme", "any_of": ["mastercard"]},
}


@asynccontextmanager
async def counter(
    folder: Path, redis_url: str, *faults: NexoFault
) -> AsyncIterator[tuple[Shop, str, SimulatedNexoTerminal]]:
    """A shop with a station at which a nexo terminal stands, and that terminal."""
    async with open_shop(folder, redis_url) as shop:
        station = NewStation(store_id=shop.store_id, name="Card", connector="nexo")
        station_id = (await shop.services.setup.add_station(shop.merchant_id, station)).station_id
    ca, tls = await asyncio.to_thread(terminal_certificate, folder, "terminal.example")
    terminal = SimulatedNexoTerminal(*faults)
    options: dict[str, str | bool | int | float] = {
        "host": "127.0.0.1",
        "port": await terminal.listen(tls=tls),
        "poi_id": "SIM-0001",
        "ca": str(ca),
        "certificate_name": "terminal.example",
    }
    told = Terminal(station=station_id, connector="nexo", options=options)
    payment = Payment(connectors=("simulator", "nexo"), terminals=(told,))
    try:
        async with open_shop(folder, redis_url, payment=payment) as shop:
            yield shop, station_id, terminal
    finally:
        await terminal.close()


async def ask(shop: Shop, method: str, path: str, body: Any = None, key: str = "") -> Any:
    """What the manager is answered."""
    answer = await shop.ask(method, path, body, role="manager", headers={"Idempotency-Key": key} if key else None)
    assert answer.status < 300, answer.json
    return answer.json


async def basket(shop: Shop, station_id: str, amount: int) -> tuple[str, dict[str, Any]]:
    """A session with one line, decided; its path and itself."""
    session = await ask(shop, "POST", f"/v1/stations/{station_id}/session", {})
    path = f"/v1/sessions/{session['session_id']}"
    return path, await ask(shop, "PUT", f"{path}/basket", {"entries": [{"label": "Tea", "amount": amount}]})


async def pay(shop: Shop, path: str, shown: dict[str, Any]) -> dict[str, Any]:
    """Accept what is shown and pay it by card."""
    accepted = {"decision_id": shown["decision_id"], "total": shown["decision"]["total"]}
    await ask(shop, "POST", f"{path}/accept", accepted)
    paid: dict[str, Any] = await ask(shop, "POST", f"{path}/pay", {"means": "card"}, path)
    return paid


def categories(terminal: SimulatedNexoTerminal) -> list[str]:
    """What the terminal was asked."""
    return [request["MessageHeader"]["MessageCategory"] for request in terminal.requests]


async def test_the_card_decides_the_offer_and_pays_what_it_left(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with counter(tmp_path, valkey_url) as (shop, station_id, terminal):
        await ask(shop, "POST", "/v1/offers", MASTERCARD)
        path, shown = await basket(shop, station_id, 2000)
        assert shown["decision"]["total"] == 2000
        shown = await ask(shop, "POST", f"{path}/card", {})
        assert shown["decision"]["total"] == 1800
        acquisition = terminal.requests[0]["CardAcquisitionRequest"]["CardAcquisitionTransaction"]
        assert acquisition["TotalAmount"] == 20
        paid = await pay(shop, path, shown)
        assert paid["state"] == "paid"
        await ask(shop, "POST", f"/v1/sales/{paid['sale_id']}/refunds", {"reason": "broken"}, "back")
        assert terminal.book == [
            NexoDone(what="Payment", amount=Decimal(18), done=True),
            NexoDone(what="Reversal", amount=Decimal(18), done=True),
        ]


async def test_an_abandoned_session_lets_the_card_go(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    async with counter(tmp_path, valkey_url) as (shop, station_id, terminal):
        path, _ = await basket(shop, station_id, 2000)
        await ask(shop, "POST", f"{path}/card", {})
        await ask(shop, "POST", f"{path}/abandon", {})
        assert categories(terminal) == ["CardAcquisition", "EnableService"]
        assert terminal.card_waits is None


async def test_an_abandoned_session_stops_asking_for_a_card(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    async with counter(tmp_path, valkey_url, "no-card") as (shop, station_id, terminal):
        path, _ = await basket(shop, station_id, 2000)
        reading = asyncio.create_task(shop.ask("POST", f"{path}/card", {}, role="manager"))
        await terminal.waiting.wait()
        await ask(shop, "POST", f"{path}/abandon", {})
        answer = await reading
        assert (answer.status, answer.json["code"]) == (502, "card-not-read")
        assert categories(terminal) == ["CardAcquisition", "Abort", "EnableService"]


async def test_whoever_goes_away_lets_the_terminal_stop_asking(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with counter(tmp_path, valkey_url, "no-card") as (shop, station_id, terminal):
        path, shown = await basket(shop, station_id, 2000)
        stations = shop.services.engine.stations
        reading = asyncio.create_task(stations.see_card(shop.merchant_id, shown["session_id"]))
        await terminal.waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert categories(terminal) == ["CardAcquisition", "Abort", "EnableService"]
        assert (await pay(shop, path, shown))["state"] == "paid", "with the next card"


async def test_a_lost_answer_is_asked_about_and_the_sale_is_made(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with counter(tmp_path, valkey_url, "lost") as (shop, station_id, terminal):
        path, shown = await basket(shop, station_id, 2000)
        assert (await pay(shop, path, shown))["state"] == "unknown"
        assert (await ask(shop, "POST", f"{path}/status", {}))["state"] == "paid"
        assert categories(terminal) == ["Payment", "TransactionStatus"]
        assert len(terminal.book) == 1


@pytest.mark.parametrize(
    ("fault", "state", "taken"),
    [("not-found", "declined", 0), ("restarts", "unknown", 2000)],
)
async def test_what_a_terminal_knows_nothing_of_is_declined_if_it_forgot_nothing(
    tmp_path: Path, sqlite_url: str, valkey_url: str, fault: NexoFault, state: str, taken: int
) -> None:
    """The card that it has read just before shows whether it remembers."""
    async with counter(tmp_path, valkey_url) as (shop, station_id, terminal):
        path, _ = await basket(shop, station_id, 2000)
        shown = await ask(shop, "POST", f"{path}/card", {})
        terminal.faults.add(fault)
        assert (await pay(shop, path, shown))["state"] == "unknown"
        assert (await ask(shop, "POST", f"{path}/status", {}))["state"] == state
        assert sum(done.amount for done in terminal.book) * 100 == taken


async def test_a_terminal_whose_clock_is_not_ours_is_told_of_on_the_money_page_and_by_doctor(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with counter(tmp_path, valkey_url) as (shop, station_id, terminal):
        assert (await ask(shop, "GET", "/v1/payments/in-doubt"))["clocks"] == []
        terminal.ahead = timedelta(minutes=-45)
        path, shown = await basket(shop, station_id, 2000)
        assert (await pay(shop, path, shown))["state"] == "paid"
        (found,) = (await ask(shop, "GET", "/v1/payments/in-doubt"))["clocks"]
        assert found["station_id"] == station_id
        assert abs(found["seconds"] + 45 * 60) < 60
        (told,) = shop.services.config.payment.terminals
        setup = ConnectorSetup(book=tmp_path / "spare.db", clock=SystemClock(), terminals={station_id: told.options})
        said = await asyncio.to_thread(_terminal, "terminal", told, partial(opened, setup))
        assert (said.grade, "behind ours" in said.words) == ("note", True), said
        terminal.ahead = timedelta()
        said = await asyncio.to_thread(_terminal, "terminal", told, partial(opened, setup))
        assert said.grade == "ok"
