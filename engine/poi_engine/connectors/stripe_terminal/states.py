"""What the states of a payment intent, a refund and a reader mean. Pure: they are read as plain mappings."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from poi_engine.connectors.sent import declined, unknown
from poi_engine.connectors.stripe_terminal.amounts import in_ours
from poi_engine.ports import PaymentResult
from poi_offers.situation import PaymentFacts

Object = Mapping[str, Any]
_SCHEMES = {"cartes_bancaires": "cb", "american_express": "amex", "diners_club": "diners"}
_READ: dict[str, Literal["chip", "contactless", "swipe"]] = {
    "contact_emv": "chip",
    "contactless_emv": "contactless",
    "contactless_magstripe_mode": "contactless",
    "magnetic_stripe_fallback": "swipe",
    "magnetic_stripe_track2": "swipe",
}
_FUNDING: dict[str, Literal["debit", "credit", "prepaid"]] = {
    "debit": "debit",
    "credit": "credit",
    "prepaid": "prepaid",
}


def intent_said(reference: str, amount: int | None, intent: Object, action: Object | None) -> PaymentResult:
    """What a payment intent says of a payment; `action` is what the reader does with it now, if anything.

    An intent that nobody works on is as good as never sent: it is cancelled before it counts as failed.
    """
    status = intent.get("status")
    if status in ("succeeded", "requires_capture"):
        return _taken(reference, amount, intent)
    if status == "canceled":
        return declined(reference, "cancelled")
    if status in ("processing", "requires_action") or (action or {}).get("status") == "in_progress":
        return PaymentResult(outcome="in_progress", payment_ref=reference)
    if status not in ("requires_payment_method", "requires_confirmation"):
        return unknown(reference, f"state {str(status)[:40]}")
    error = intent.get("last_payment_error")
    if error or (action or {}).get("status") == "failed":
        return declined(reference, failure(error, action))
    return PaymentResult(outcome="not_found", payment_ref=reference, reason="the reader has nothing to do with it")


def _taken(reference: str, amount: int | None, intent: Object) -> PaymentResult:
    held = intent.get("status") == "requires_capture"
    told = int(intent.get("amount_capturable" if held else "amount_received") or 0)
    taken = in_ours(told, str(intent.get("currency") or "").upper())
    if taken is None:
        return unknown(reference, f"{told} is no amount of {intent.get('currency')}")
    charge = intent.get("latest_charge")
    details = (charge.get("payment_method_details") or {}) if isinstance(charge, Mapping) else {}
    receipt = (details.get("card_present") or {}).get("receipt") or {}
    whole = amount is None or taken == amount
    return PaymentResult(
        outcome="approved" if whole else "unknown",
        payment_ref=reference,
        amount=taken,
        facts=facts_of(details.get("card_present")),
        authorisation=str(receipt.get("authorization_code") or "")[:40],
        reason="" if whole else f"{taken} of {amount} minor units were taken",
    )


def refund_said(reference: str, amount: int, refund: Object) -> PaymentResult:
    """What a refund says of itself; a pending one is on its way and does not come back."""
    status = refund.get("status")
    given = in_ours(int(refund.get("amount") or 0), str(refund.get("currency") or "").upper())
    if status in ("succeeded", "pending") and given == amount:
        return PaymentResult(outcome="approved", payment_ref=reference, amount=amount)
    if status in ("failed", "canceled"):
        return declined(reference, str(refund.get("failure_reason") or "refused")[:80])
    return unknown(reference, f"refund {str(status)[:40]}")


def failure(error: Object | None, action: Object | None) -> str:
    """Why a payment was declined, by code: messages are for the customer's own eyes."""
    shown = error or (action or {}).get("api_error") or {}
    code = shown.get("decline_code") or shown.get("code") or (action or {}).get("failure_code") or "refused"
    return str(code)[:80].replace("_", " ")


def facts_of(card: Object | None) -> PaymentFacts:
    """The facts of a card that a reader has seen."""
    card = card or {}
    network, brand = str(card.get("network") or ""), str(card.get("brand") or "")
    scheme = "cb" if network == "cartes_bancaires" else _SCHEMES.get(brand, brand)
    digits = re.match(r"\d{6,8}", str(card.get("iin") or ""))
    return PaymentFacts(
        scheme=scheme[:40] or None,
        card_type=_FUNDING.get(str(card.get("funding"))),
        bin=digits[0] if digits else None,
        entry_mode="phone" if card.get("wallet") else _READ.get(str(card.get("read_method"))),
    )


def action_on(found: Mapping[str, Any], intent: str) -> dict[str, Any] | None:
    """What a reader does, or did last, if it is about this intent."""
    action = found.get("action") or {}
    details = action.get(str(action.get("type"))) or {}
    about = details.get("payment_intent") or (action.get("collect_payment_method") or {}).get("payment_intent")
    return dict(action) if about == intent else None
