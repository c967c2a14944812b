"""A local stand-in for Stripe's service, typed from its published interface; not the service, and no proof of it.

Pages: "Create a PaymentIntent", "The PaymentIntent object", "Update a PaymentIntent", "Capture a PaymentIntent",
"Cancel a PaymentIntent", "Search PaymentIntents", "The Reader object", "Hand off a PaymentIntent to a Reader and
collect card details", "Confirm a PaymentIntent on the Reader", "Hand-off a PaymentIntent to a Reader", "Cancel the
current reader action", "Create a refund", "Idempotent requests", "Errors"; "Collect card payments" (server-driven) for
the order of states; and the changelog's "Removes the payment method types parameter from Payment Intents and Setup
Intents".
"""

import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

Json = dict[str, Any]
READER = "tmr_FDOt2wlRZEdpd7"
CARD: Json = {
    "brand": "visa",
    "brand_product": None,
    "country": "FR",
    "exp_month": 12,
    "exp_year": 2034,
    "fingerprint": "WcRCkWuOLBxGPmYs",
    "funding": "credit",
    "last4": "9969",
    "network": "visa",
    "read_method": "contactless_emv",
    "receipt": {"application_preferred_name": "VISA CREDIT", "authorization_code": "123456"},
    "wallet": {"type": "apple_pay"},
}


class Problem(Exception):
    """An error as the service words it."""

    def __init__(self, status: int, kind: str, code: str | None) -> None:
        super().__init__(code)
        self.status, self.error = status, {"type": kind, "code": code, "message": "typed for a test"}


class FakeStripe:
    """Intents, one reader and refunds. `looks`: how often the reader is looked at before the customer acts.

    `customer`: what the customer's card does: `pays`, `declines`, `cancels`, `stays-away`. `lost`: parts of paths whose
    answers never arrive, though the call is done; `cut`: those whose calls never arrive. `refuses`: parts of paths with
    the code they are refused with; `busy`: those whose keys are in use by a call under way; `denied`: those that the
    account's key may not use, with the status that says so.
    """

    def __init__(self) -> None:
        self.intents: dict[str, Json] = {}
        self.refunds: list[Json] = []
        self.reader: Json = _reader()
        self.calls: list[tuple[str, str | None]] = []
        self.customer, self.looks = "pays", 1
        self.lost: set[str] = set()
        self.cut: set[str] = set()
        self.busy: set[str] = set()
        self.refuses: dict[str, str] = {}
        self.denied: dict[str, int] = {}
        self._answered: dict[str, tuple[str, Json, int, Json]] = {}
        self._left = 0
        self._runner: web.AppRunner | None = None

    async def listen(self) -> str:
        """Start; answers the address of the interface."""
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._serve)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        path, key = request.match_info["path"], request.headers.get("Idempotency-Key")
        assert request.headers["Authorization"] == "Bearer sk_test_fake"
        form = _form(parse_qsl(request.query_string or (await request.text())))
        if request.method == "POST":
            self.calls.append((path, key))
        if request.method == "POST" and any(part in path for part in self.cut) and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if request.method == "POST" and any(part in path for part in self.busy):
            error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "typed for a test"}
            return web.json_response({"error": error}, status=409)
        for part, status in self.denied.items():
            if request.method == "POST" and part in path:
                error = {"type": "invalid_request_error", "message": "typed for a test"}
                return web.json_response({"error": error}, status=status)
        status, body = self._repeated(request.method, path, key, form)
        if any(part in path for part in self.lost) and request.transport is not None:
            request.transport.abort()
        return web.json_response(body, status=status)

    def _repeated(self, method: str, path: str, key: str | None, form: Json) -> tuple[int, Json]:
        if method == "POST" and key in self._answered:
            known, params, status, body = self._answered[key]
            if (known, params) == (path, form):
                return status, body
            return 400, {"error": {"type": "idempotency_error", "message": "other parameters"}}
        try:
            for part, code in self.refuses.items():
                if part in path:
                    raise Problem(400, "invalid_request_error", code)
            status, body = 200, self._done(method, path.split("/"), form)
        except Problem as problem:
            status, body = problem.status, {"error": problem.error}
        if method == "POST" and key:
            self._answered[key] = (path, form, status, json.loads(json.dumps(body)))
        return status, body

    def forget_keys(self) -> None:
        """A day goes by."""
        self._answered.clear()

    def _done(self, method: str, path: list[str], form: Json) -> Json:
        match method, path:
            case "POST", ["payment_intents"]:
                return self._create(form)
            case "GET", ["payment_intents", "search"]:
                sought = form["query"].split(":", 1)[1].strip("'")
                found = [one for one in self.intents.values() if one["metadata"].get("reference") == sought]
                return {
                    "object": "search_result",
                    "data": found,
                    "has_more": False,
                    "url": "/v1/payment_intents/search",
                }
            case "GET", ["payment_intents", name]:
                return self._known(name)
            case "POST", ["payment_intents", name]:
                return self._update(self._known(name), form)
            case "POST", ["payment_intents", name, "capture"]:
                return self._capture(self._known(name), int(form["amount_to_capture"]))
            case "POST", ["payment_intents", name, "cancel"]:
                return self._cancel(self._known(name))
            case "GET", ["terminal", "readers", _]:
                return self._look()
            case "POST", ["terminal", "readers", _, "cancel_action"]:
                self.reader["action"] = None
                return self.reader
            case "POST", ["terminal", "readers", _, verb]:
                return self._act(verb, self._known(form["payment_intent"]))
            case "POST", ["refunds"]:
                return self._refund(self._known(form["payment_intent"]), form)
            case "GET", ["refunds"]:
                found = [one for one in self.refunds if one["payment_intent"] == form["payment_intent"]]
                return {"object": "list", "data": found, "has_more": False, "url": "/v1/refunds"}
        raise Problem(404, "invalid_request_error", "resource_missing")

    def _create(self, form: Json) -> Json:
        if "payment_method_types" in form:
            raise Problem(400, "invalid_request_error", "payment_method_types_no_longer_supported")
        if int(form["amount"]) < 50:
            raise Problem(400, "invalid_request_error", "amount_too_small")
        name = f"pi_{len(self.intents):024d}"
        self.intents[name] = {
            "id": name,
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "amount_capturable": 0,
            "amount_received": 0,
            "capture_method": form["capture_method"],
            "currency": form["currency"],
            "last_payment_error": None,
            "latest_charge": None,
            "metadata": form["metadata"],
            "payment_method_types": ["card_present"],
            "status": "requires_payment_method",
        }
        return self.intents[name]

    def _update(self, intent: Json, form: Json) -> Json:
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            raise Problem(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["amount"] = int(form["amount"])
        intent["metadata"] |= form["metadata"]
        return intent

    def _capture(self, intent: Json, amount: int) -> Json:
        if intent["status"] != "requires_capture":
            raise Problem(400, "invalid_request_error", "payment_intent_unexpected_state")
        if amount > intent["amount_capturable"]:
            raise Problem(400, "invalid_request_error", "amount_too_large")
        intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
        return intent

    def _cancel(self, intent: Json) -> Json:
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise Problem(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return intent

    def _act(self, verb: str, intent: Json) -> Json:
        if self.reader["action"] and self.reader["action"]["status"] == "in_progress":
            raise Problem(400, "invalid_request_error", "terminal_reader_busy")
        if intent["status"] == "canceled" or (
            verb.startswith("confirm") != (intent["status"] == "requires_confirmation")
        ):
            raise Problem(400, "invalid_request_error", "intent_invalid_state")
        self._left = self.looks
        details = {"payment_intent": intent["id"]}
        self.reader["action"] = {
            "api_error": None,
            "failure_code": None,
            "failure_message": None,
            "status": "in_progress",
            "type": verb,
            verb: details,
        }
        return self.reader

    def _look(self) -> Json:
        """The customer acts after a few looks."""
        action = self.reader["action"]
        if not action or action["status"] != "in_progress":
            return self.reader
        self._left -= 1
        if self._left < 0 and self.customer != "stays-away":
            self._customer_acts(action, self.intents[action[action["type"]]["payment_intent"]])
        return self.reader

    def _customer_acts(self, action: Json, intent: Json) -> None:
        if self.customer == "cancels":
            action |= {"status": "failed", "failure_code": "customer_canceled", "failure_message": "typed for a test"}
        elif action["type"] == "collect_payment_method":
            action["status"] = "succeeded"
            action["collect_payment_method"]["payment_method"] = {
                "object": "payment_method",
                "type": "card_present",
                "card_present": CARD,
            }
            intent["status"] = "requires_confirmation"
        elif self.customer == "declines":
            error = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
            action |= {"status": "failed", "failure_code": "card_declined", "api_error": error}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
        else:
            action["status"] = "succeeded"
            held = intent["capture_method"] == "manual"
            intent |= {
                "status": "requires_capture" if held else "succeeded",
                "amount_capturable" if held else "amount_received": intent["amount"],
                "latest_charge": _charge(intent),
            }

    def _refund(self, intent: Json, form: Json) -> Json:
        amount = int(form["amount"])
        given = sum(one["amount"] for one in self.refunds if one["payment_intent"] == intent["id"])
        if amount > intent["amount_received"] - given:
            raise Problem(400, "invalid_request_error", "charge_already_refunded")
        refund = {
            "id": f"re_{len(self.refunds):024d}",
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "metadata": form["metadata"],
            "payment_intent": intent["id"],
            "reason": None,
            "status": "succeeded",
        }
        self.refunds.append(refund)
        return refund

    def _known(self, name: str) -> Json:
        if name not in self.intents:
            raise Problem(404, "invalid_request_error", "resource_missing")
        return self.intents[name]


def _reader() -> Json:
    return {
        "id": READER,
        "object": "terminal.reader",
        "action": None,
        "device_sw_version": "",
        "device_type": "simulated_wisepos_e",
        "ip_address": "0.0.0.0",
        "label": "Blue Rabbit",
        "last_seen_at": 1681320543815,
        "livemode": False,
        "location": "tml_FDOtHwxAAdIJOh",
        "metadata": {},
        "serial_number": "259cd19c-b902-4730-96a1-09183be6e7f7",
        "status": "online",
    }


def _charge(intent: Json) -> Json:
    return {
        "id": f"ch_{intent['id'][3:]}",
        "object": "charge",
        "amount": intent["amount"],
        "payment_method_details": {"type": "card_present", "card_present": CARD},
    }


def _form(pairs: list[tuple[str, str]]) -> Json:
    """Form fields, `a[b]=c` nested one level."""
    form: Json = {}
    for name, value in pairs:
        outer, _, inner = name.partition("[")
        if inner:
            form.setdefault(outer, {})[inner.rstrip("]")] = value
        else:
            form[name] = value
    return form
