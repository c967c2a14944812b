"""A card terminal on the network, from the configuration to the receipt: paid, in doubt and resolved, given back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from poi_engine.connectors.caisse_ap_terminal import Done, Fault, SimulatedTerminal
from poi_engine.setup import NewStation
from poi_server.config import ConfigError, Payment, Terminal
from tests.server.shop import Shop, open_shop

pytestmark = pytest.mark.valkey


@asynccontextmanager
async def counter(folder: Path, redis_url: str, *faults: Fault) -> AsyncIterator[tuple[Shop, str, SimulatedTerminal]]:
    """A shop with a station at which a Caisse-AP terminal stands, and that terminal."""
    async with open_shop(folder, redis_url) as shop:
        station = NewStation(store_id=shop.store_id, name="Card", connector="caisse-ap")
        station_id = (await shop.services.setup.add_station(shop.merchant_id, station)).station_id
    terminal = SimulatedTerminal(*faults)
    where: dict[str, str | bool | int | float] = {"host": "127.0.0.1", "port": await terminal.listen()}
    options = where | {"answer_seconds": 1.0, "idle_ms": 50}
    told = Terminal(station=station_id, connector="caisse-ap", options=options)
    payment = Payment(connectors=("simulator", "caisse-ap"), terminals=(told,))
    try:
        async with open_shop(folder, redis_url, payment=payment) as shop:
            yield shop, station_id, terminal
    finally:
        await terminal.close()


async def ask(shop: Shop, method: str, path: str, body: Any, key: str = "") -> Any:
    """What the manager is answered."""
    answer = await shop.ask(method, path, body, role="manager", headers={"Idempotency-Key": key} if key else None)
    assert answer.status < 300, answer.json
    return answer.json


async def pay(shop: Shop, station_id: str, amount: int) -> dict[str, Any]:
    """Sell an amount by card; the session as it is then."""
    session = await ask(shop, "POST", f"/v1/stations/{station_id}/session", {})
    path = f"/v1/sessions/{session['session_id']}"
    shown = await ask(shop, "PUT", f"{path}/basket", {"entries": [{"label": "Tea", "amount": amount}]})
    await ask(
        shop, "POST", f"{path}/accept", {"decision_id": shown["decision_id"], "total": shown["decision"]["total"]}
    )
    paid: dict[str, Any] = await ask(shop, "POST", f"{path}/pay", {"means": "card"}, session["session_id"])
    return paid


async def test_a_sale_is_paid_at_the_terminal_and_given_back_there(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with counter(tmp_path, valkey_url) as (shop, station_id, terminal):
        paid = await pay(shop, station_id, 1590)
        assert paid["state"] == "paid"
        sale = f"/v1/sales/{paid['sale_id']}"
        await ask(shop, "POST", f"{sale}/refunds", {"reason": "broken"}, "back")
        assert terminal.book == [Done(action="0", amount=1590, done=True), Done(action="1", amount=1590, done=True)]


async def test_a_refusal_is_declined_with_its_reason(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    async with counter(tmp_path, valkey_url) as (shop, station_id, _):
        assert (await pay(shop, station_id, 1005))["state"] == "declined"


async def test_silence_is_unknown_until_a_person_has_looked(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    async with counter(tmp_path, valkey_url, "silent") as (shop, station_id, terminal):
        session = await pay(shop, station_id, 1590)
        assert session["state"] == "unknown"
        path = f"/v1/sessions/{session['session_id']}"
        word = {"outcome": "paid", "reason": "the slip says accepted"}
        assert (await ask(shop, "POST", f"{path}/resolve", word, "seen"))["state"] == "paid"
        assert len(terminal.requests) == 1


async def test_what_a_person_declined_is_ended_by_a_manager_for_it_cannot_be_asked(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with counter(tmp_path, valkey_url, "silent") as (shop, station_id, terminal):
        session = await pay(shop, station_id, 1590)
        word = {"outcome": "declined", "reason": "there is no slip"}
        declined = await ask(shop, "POST", f"/v1/sessions/{session['session_id']}/resolve", word, "seen")
        assert declined["state"] == "declined"
        (waiting,) = (await ask(shop, "GET", "/v1/payments/in-doubt", None))["items"]
        assert waiting["state"] == "reversing"
        end = f"/v1/payments/{waiting['payment_id']}/reversing"
        answer = await shop.ask("POST", end, word, role="manager")
        assert answer.status == 204, answer.content
        assert (await ask(shop, "GET", "/v1/payments/in-doubt", None))["items"] == []
        assert len(terminal.requests) == 1


async def test_a_terminal_without_its_connector_is_a_mistake_of_the_configuration(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    lonely = Payment(terminals=(Terminal(station="sta_1", connector="caisse-ap", options={"host": "h"}),))
    with pytest.raises(ConfigError, match="connectors"):
        async with open_shop(tmp_path, valkey_url, payment=lonely):
            pass
