"""Two server processes on one PostgreSQL: a till's request is answered once, wherever it is repeated."""

import asyncio
from typing import Any

import pytest

from tests.nexo.messages import request
from tests.nexo.test_screen import question
from tests.nexo.till import payment, sale_data
from tests.server.test_two_processes import Pair, pair

__all__ = ["pair"]  # the fixture

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]


class Till:
    """A till at a station that either process serves."""

    def __init__(self, pair: Pair, station_id: str, secret: str) -> None:
        self._pair = pair
        self.station_id = station_id
        self._headers = {"Authorization": f"Bearer {secret}"}

    async def ask(self, process: int, category: str, body: dict[str, Any], service: str) -> dict[str, Any]:
        """Ask one of the two."""
        message = request(category, body, service, POIID=self.station_id)
        async with self._pair.clients[process].post("/nexo", json=message, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = (await answer.json())["SaleToPOIResponse"][f"{category}Response"]
            return found

    async def abort(self, process: int, category: str, service: str) -> None:
        """Give up what was asked, by way of one of the two."""
        body = {"AbortReason": "MerchantAbort", "MessageReference": {"MessageCategory": category, "ServiceID": service}}
        message = request("Abort", body, f"abort {service}", POIID=self.station_id)
        async with self._pair.clients[process].post("/nexo", json=message, headers=self._headers) as answer:
            assert answer.status == 200

    async def until_told(self, process: int, category: str, body: dict[str, Any], service: str) -> dict[str, Any]:
        """Send it again and again until it is no longer in progress."""
        for _ in range(400):
            answer = await self.ask(process, category, body, service)
            if answer["Response"].get("ErrorCondition") != "InProgress":
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError("it stays in progress")


async def opened(pair: Pair) -> Till:
    """A till with its station's credential."""
    station_id = pair.stations[0]
    _, pairing = await pair.ask(0, "POST", "/v1/pairings", {"role": "station", "subject_id": station_id})
    claim = {"secret": pairing["url"].partition("#")[2], "cookie": False}
    _, entered = await pair.ask(0, "POST", "/v1/pairings/claim", claim)
    return Till(pair, station_id, entered["secret"])


async def test_each_request_is_answered_once_by_whichever_process(pair: Pair) -> None:
    """Both are started once: that takes longer than all the rest."""
    till = await opened(pair)
    await repeated_at_the_other(pair, till)
    await asked_by_one_and_answered_at_the_other(pair, till)
    await two_tills_at_one_counter(pair, till)
    await given_up_at_the_other(pair, till)


async def given_up_at_the_other(pair: Pair, till: Till) -> None:
    """What waits for a customer at one process is given up by an Abort that the other one gets."""
    _, stations = await pair.ask(0, "GET", "/v1/stations")
    [store_id] = {one["store_id"] for one in stations["items"] if one["station_id"] == till.station_id}
    changed = {
        "store_id": store_id,
        "name": "Till",
        "connector": "transfer",
    }  # it reads no card
    assert (await pair.ask(0, "PUT", f"/v1/stations/{till.station_id}", changed))[0] == 200
    body = {"SaleData": sale_data(), "CardAcquisitionTransaction": {"LoyaltyHandling": "Allowed"}}
    asking = asyncio.create_task(till.ask(0, "CardAcquisition", body, "7"))
    async with asyncio.timeout(20):
        while not asking.done():  # until it waits there is nothing to give up
            await till.abort(1, "CardAcquisition", "7")
            await asyncio.wait({asking}, timeout=0.1)
    assert (await asking)["Response"]["ErrorCondition"] == "Aborted"


async def two_tills_at_one_counter(pair: Pair, till: Till) -> None:
    """Each pays its own basket, or is told that the counter is busy and pays nothing."""
    paid: list[float] = []
    for turn in range(4):
        amounts = [30 + turn, 40 + turn]
        asked = [till.ask(n, "Payment", payment(amount), f"t{turn}{n}") for n, amount in enumerate(amounts)]
        for answer, amount in zip(await asyncio.gather(*asked), amounts, strict=True):
            if answer["Response"]["Result"] == "Success":
                amounts_paid = answer["PaymentResult"]["AmountsResp"]
                assert amounts_paid["AuthorizedAmount"] + amounts_paid["TotalRebatesAmount"] == amount
                paid.append(amount)
            else:
                assert answer["Response"]["ErrorCondition"] == "Busy", answer
    assert paid, "one of two goes first"
    for process in (0, 1):
        _, sales = await pair.ask(process, "GET", "/v1/sales")
        made = [one["total"] + one["saved"] for one in sales["items"]]
        assert sorted(one for one in made if one >= 3000) == sorted(amount * 100 for amount in paid)


async def repeated_at_the_other(pair: Pair, till: Till) -> None:
    """A reservation, its completion, payments and a reversal, each at both processes."""
    reservation = payment(50, data={"PaymentType": "FirstReservation"})
    held = [await till.until_told(process, "Payment", reservation, "1") for process in (0, 1)]  # 0's own terminal
    assert held == [held[0]] * 2
    original = held[0]["POIData"]["POITransactionID"]
    body = payment(20, original=original, data={"PaymentType": "Completion"})
    completed = [await till.until_told(process, "Payment", body, "2") for process in (0, 1)]
    assert completed == [completed[0]] * 2
    body = payment(9)
    both = await asyncio.gather(*(till.until_told(process % 2, "Payment", body, "3") for process in range(4)))
    assert both == [both[0]] * 4
    body = payment(9, data={"PaymentInstrumentData": {"PaymentInstrumentType": "Cash"}})
    both = await asyncio.gather(*(till.until_told(process % 2, "Payment", body, "4") for process in range(4)))
    assert both == [both[0]] * 4
    named = {"POITransactionID": both[0]["POIData"]["POITransactionID"]}
    back = {"OriginalPOITransaction": named, "ReversalReason": "CustCancel"}
    gone = await asyncio.gather(*(till.until_told(process % 2, "Reversal", back, "5") for process in range(4)))
    assert gone == [gone[0]] * 4
    for answer in (held[0], completed[0], both[0], gone[0]):
        assert answer["Response"] == {"Result": "Success"}
    for process in (0, 1):
        _, sales = await pair.ask(process, "GET", "/v1/sales")
        assert sorted(one["total"] for one in sales["items"]) == [-400, 400, 400, 1500]


async def asked_by_one_and_answered_at_the_other(pair: Pair, till: Till) -> None:
    """A screen of the second process shows what a till asks of the first."""
    path = f"/v1/stations/{till.station_id}/question"
    async with pair.clients[1].ws_connect("/v1/live") as socket:
        await socket.send_json({"watch": "station", "station_id": till.station_id})
        assert await socket.receive_json() == {"kind": "watching"}
        asking = asyncio.create_task(till.ask(0, "Input", question("GetConfirmation"), "6"))
        async with asyncio.timeout(20):
            while (await socket.receive_json())["kind"] != "question":
                pass
        _, asked = await pair.ask(1, "GET", path)
        answer = {"question_id": asked["question_id"], "confirmed": True}
        status, _ = await pair.ask(1, "POST", f"{path}/answer", answer)
        assert status == 204
        assert (await asking)["InputResult"]["Input"]["ConfirmedFlag"] is True
