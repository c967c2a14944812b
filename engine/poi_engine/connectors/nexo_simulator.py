"""A simulated nexo terminal, with the faults of real ones: for our tests and for anybody who writes a sale system.

It shares no reading or writing of messages with the connector, so that neither can hide the other's mistakes; only the
sealing of messages, which a message of the vendor's own library judges. It has a book: what it did is known whatever it
answered. Amounts that end in 05 are refused, in 06 abandoned by the customer, in 55 the PIN is wrong.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, Literal, get_args

from aiohttp import web
from msgspec import Struct, convert, to_builtins

from poi_engine.nexo.crypto import CryptoError, Sealer, SecurityKey, SecurityTrailer

NexoFault = Literal[
    "late",
    "silent",
    "lost",
    "cut",
    "in-progress",
    "not-found",
    "restarts",
    "no-card",
    "wrong-service",
    "wrong-hmac",
    "garbage",
    "reject",
    "refused-http",
    "spaces",
    "partial",
    "oversize",
]
NEXO_FAULTS: tuple[NexoFault, ...] = get_args(NexoFault)

_ENDS = {5: "Refusal", 6: "Cancel", 55: "WrongPIN"}
_MOVING = ("Payment", "Reversal", "CardAcquisition")
_CARD = {
    "PaymentInstrumentType": "Card",
    "CardData": {"PaymentBrand": "mc", "MaskedPan": "541333 **** 9999", "EntryMode": ["Contactless"]},
}
_BOOKED = {"Normal": "Payment", "Refund": "refund", "FirstReservation": "hold", "Completion": "completion"}
Json = dict[str, Any]


class NexoDone(Struct, frozen=True, kw_only=True):
    """One line of the terminal's book; `amount` in the currency's units.

    `what`: Payment, Reversal, refund, hold, completion (of a hold) or release (of one).
    """

    what: str
    amount: Decimal
    done: bool


class SimulatedNexoTerminal:
    """Listens for sale systems. `faults` play together and may be changed; they touch what moves money or reads a card.

    `late` waits `late_seconds`; `in-progress` answers nothing and then says so to `waits` questions about it.
    With `no-card`, `waiting` is set as soon as a card is asked for. Its clock is `ahead` of the machine's.
    """

    def __init__(
        self,
        *faults: NexoFault,
        poi_id: str = "SIM-0001",
        key: SecurityKey | None = None,
        late_seconds: float = 1.0,
        waits: int = 2,
        told: Callable[[NexoDone], None] = lambda _done: None,
    ) -> None:
        self.faults: set[NexoFault] = set(faults)
        self.book: list[NexoDone] = []
        self.requests: list[Json] = []
        self.card_waits: str | None = None
        self._poi_id = poi_id
        self._sealer = Sealer(key) if key else None
        self._late, self._waits, self._told = late_seconds, waits, told
        self._answers: dict[tuple[str, str, str], tuple[Json, Json]] = {}
        self._asked_after: dict[tuple[str, str, str], int] = {}
        self._paid: dict[str, Decimal] = {}
        self._held: dict[str, Decimal] = {}
        self._runner: web.AppRunner | None = None
        self.ahead = timedelta()
        self._closing = asyncio.Event()
        self._stopped = asyncio.Event()
        self.waiting = asyncio.Event()

    async def listen(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Start to listen; answers the port."""
        app = web.Application()
        app.router.add_post("/nexo/", self._post)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._stopped.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            head, body = self._opened(await request.read())
        except ConnectionResetError:  # cut in the middle of a message
            return web.Response()
        except (CryptoError, ValueError, KeyError, TypeError):
            refusal = {"status": 400, "errorCode": "crypto", "message": "Nexo service: the message cannot be read"}
            return web.json_response(refusal, status=400)
        self.requests.append({"MessageHeader": head, **body})
        moving = head["MessageCategory"] in _MOVING
        if moving and "not-found" in self.faults:
            return _dropped(request)
        if head["MessageCategory"] == "CardAcquisition" and "no-card" in self.faults:
            self.waiting.set()
            await self._stopped.wait()
            return web.Response(body=self._closed(head, {"CardAcquisitionResponse": _failure("Aborted")}))
        answer = self._answer(head, body)
        if moving:
            return await self._faulty(request, head, answer)
        date = {"Date": format_datetime(self._now(), usegmt=True)}
        return web.Response(body=b"" if answer is None else self._closed(head, answer), headers=date)

    async def _faulty(self, request: web.Request, head: Json, answer: Json | None) -> web.StreamResponse:
        if "late" in self.faults:
            await asyncio.sleep(self._late)
        if "silent" in self.faults or "in-progress" in self.faults:
            await self._closing.wait()
        if "restarts" in self.faults:
            self._answers.clear()
            return _dropped(request)
        if "lost" in self.faults or self._closing.is_set():
            return _dropped(request)
        if "refused-http" in self.faults:
            return web.json_response({"status": 500, "errorCode": "x", "message": "out of order"}, status=500)
        if "wrong-service" in self.faults:
            head = head | {"ServiceID": "0000000000"}
        raw = b"<html>out of order</html>" if "garbage" in self.faults else self._closed(head, answer or {})
        if "reject" in self.faults:
            event = {
                "EventToNotify": "Reject",
                "TimeStamp": self._now().isoformat(),
                "EventDetails": "message=not understood",
            }
            raw = json.dumps({"SaleToPOIRequest": {"MessageHeader": head, "EventNotification": event}}).encode()
        if "oversize" in self.faults:
            raw = b" " * (2 << 20) + raw
        return await self._written(request, raw)

    async def _written(self, request: web.Request, raw: bytes) -> web.StreamResponse:
        if not self.faults & {"spaces", "cut"}:
            return web.Response(body=raw, content_type="application/json")
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3 if "spaces" in self.faults else 0):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        if "cut" in self.faults:
            await response.write(raw[: len(raw) // 2])
            return _dropped(request)
        await response.write(raw)
        return response

    # --- envelopes -------------------------------------------------------------------------------------------------

    def _opened(self, raw: bytes) -> tuple[Json, Json]:
        outside = json.loads(raw)["SaleToPOIRequest"]
        inside = outside
        if self._sealer is not None:
            plain = self._sealer.open(outside["NexoBlob"], convert(outside["SecurityTrailer"], SecurityTrailer))
            inside = json.loads(plain, parse_float=Decimal, parse_int=Decimal)["SaleToPOIRequest"]
            if inside["MessageHeader"] != outside["MessageHeader"]:
                raise ValueError("two headers")
        else:
            inside = json.loads(raw, parse_float=Decimal, parse_int=Decimal)["SaleToPOIRequest"]
        head = inside["MessageHeader"]
        if head["POIID"] != self._poi_id or head["MessageType"] != "Request" or not 1 <= len(head["ServiceID"]) <= 10:
            raise ValueError("not for this terminal")
        return head, inside

    def _closed(self, head: Json, body: Json) -> bytes:
        header = head | {"MessageType": "Response"}
        plain = json.dumps({"SaleToPOIResponse": {"MessageHeader": header, **body}}, default=float).encode()
        if self._sealer is None:
            return plain
        blob, trailer = self._sealer.seal(plain)
        shown = to_builtins(trailer)
        if "wrong-hmac" in self.faults and head["MessageCategory"] in _MOVING:
            shown["Hmac"] = "A" * 43 + "="
        sealed = {"MessageHeader": header, "NexoBlob": blob, "SecurityTrailer": shown}
        return json.dumps({"SaleToPOIResponse": sealed}).encode()

    # --- what a terminal does --------------------------------------------------------------------------------------

    def _answer(self, head: Json, body: Json) -> Json | None:
        category = head["MessageCategory"]
        if category == "Abort":
            self._stopped.set()
            return None
        act = getattr(self, f"_do_{category.lower()}", None)
        if act is None:
            return {f"{category}Response": _failure("UnavailableService")}
        if category not in _MOVING:
            return {f"{category}Response": act(body[f"{category}Request"])}
        name = (category, head["SaleID"], head["ServiceID"])
        if name not in self._answers:
            done = {f"{category}Response": act(body[f"{category}Request"])}
            self._answers[name] = (head | {"MessageType": "Response"}, done)
            self._asked_after[name] = self._waits if "in-progress" in self.faults else 0
        return self._answers[name][1]

    def _do_login(self, _asked: Json) -> Json:
        return {"Response": {"Result": "Success"}}

    def _do_diagnosis(self, _asked: Json) -> Json:
        return {"Response": {"Result": "Success"}, "POIStatus": {"GlobalStatus": "OK"}}

    def _do_enableservice(self, asked: Json) -> Json:
        if asked["TransactionAction"] == "AbortTransaction":
            self.card_waits = None
        return {"Response": {"Result": "Success"}}

    def _do_transactionstatus(self, asked: Json) -> Json:
        about = asked["MessageReference"]
        name = (about["MessageCategory"], about["SaleID"], about["ServiceID"])
        if name not in self._answers:
            return _failure("NotFound") | {"MessageReference": about}
        if self._asked_after[name] > 0:
            self._asked_after[name] -= 1
            return _failure("InProgress") | {"MessageReference": about}
        head, done = self._answers[name]
        repeated = {"MessageHeader": head, "RepeatedResponseMessageBody": done}
        return {
            "Response": {"Result": "Success"},
            "MessageReference": about,
            "RepeatedMessageResponse": repeated,
        }

    def _do_cardacquisition(self, asked: Json) -> Json:
        self.card_waits = f"ACQ{len(self.requests):06d}"
        return self._common(asked, self.card_waits) | {
            "Response": {"Result": "Success", "AdditionalResponse": "fundingSource=DEBIT"},
            "PaymentInstrumentData": _CARD,
        }

    def _do_payment(self, asked: Json) -> Json:
        amounts = asked["PaymentTransaction"]["AmountsReq"]
        amount, data = amounts["RequestedAmount"], asked.get("PaymentData", {})
        card = data.get("CardAcquisitionReference", {}).get("TransactionID")
        if card != self.card_waits:
            return _failure("NotFound" if card else "Busy") | self._common(asked, "")
        self.card_waits = None
        number = f"POI{len(self.book):06d}"
        kind, original = (
            data.get("PaymentType", "Normal"),
            asked["PaymentTransaction"].get("OriginalPOITransaction", {}),
        )
        said = self._judged(kind, original, amount)
        taken = amount / 2 if "partial" in self.faults else amount
        self._note(_BOOKED.get(kind, kind), taken, said is None)
        if said:
            return _failure(said) | self._common(asked, number)
        (self._held if kind == "FirstReservation" else self._paid)[number] = taken
        return self._common(asked, number) | {
            "Response": {"Result": "Success"},
            "PaymentResult": {
                "PaymentType": kind,
                "AmountsResp": {"Currency": amounts["Currency"], "AuthorizedAmount": taken},
                "PaymentInstrumentData": _CARD,
                "PaymentAcquirerData": {"MerchantID": "M", "AcquirerPOIID": "P", "ApprovalCode": "123456"},
                "OnlineFlag": True,
            },
        }

    def _judged(self, kind: str, original: Mapping[str, Any], amount: Decimal) -> str | None:
        """Why a payment of a kind is refused, if it is."""
        if kind == "Refund":
            return self._given_back(original, amount)
        if kind == "Completion":
            return self._completed(original, amount)
        return _ENDS.get(int(amount * 100) % 100)

    def _completed(self, original: Mapping[str, Any], amount: Decimal) -> str | None:
        number = original.get("POITransactionID", {}).get("TransactionID", "")
        if number not in self._held:
            return "NotFound"
        if amount > self._held[number]:
            return "NotAllowed"
        del self._held[number]
        return None

    def _do_reversal(self, asked: Json) -> Json:
        original = asked["OriginalPOITransaction"]
        if self._held.pop(original["POITransactionID"]["TransactionID"], None) is not None:
            self._note("release", Decimal(0), True)
            return {"Response": {"Result": "Success"}, "OriginalPOITransaction": original}
        left = self._paid.get(original["POITransactionID"]["TransactionID"])
        amount = asked.get("ReversedAmount", left or Decimal(0))
        said = _ENDS.get(int(amount * 100) % 100) if "ReversedAmount" in asked else None
        said = said or self._given_back(original, amount)
        self._note("Reversal", amount, said is None)
        if said:
            return _failure(said)
        number = {"TransactionID": f"POI{len(self.book):06d}", "TimeStamp": self._now().isoformat()}
        return {
            "Response": {"Result": "Success"},
            "POIData": {"POITransactionID": number},
            "OriginalPOITransaction": original,
            "ReversedAmount": amount,
        }

    def _given_back(self, original: Mapping[str, Any], amount: Decimal) -> str | None:
        number = original.get("POITransactionID", {}).get("TransactionID", "")
        if number not in self._paid:
            return "NotFound"
        if amount > self._paid[number]:
            return "NotAllowed"
        self._paid[number] -= amount
        return None

    def _common(self, asked: Json, number: str) -> Json:
        data: Json = {"SaleData": asked["SaleData"]}
        if number:
            data["POIData"] = {"POITransactionID": {"TransactionID": number, "TimeStamp": self._now().isoformat()}}
        return data

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def _note(self, what: str, amount: Decimal, done: bool) -> None:
        self.book.append(NexoDone(what=what, amount=amount, done=done))
        self._told(self.book[-1])


def _failure(condition: str) -> Json:
    return {"Response": {"Result": "Failure", "ErrorCondition": condition}}


def _dropped(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
