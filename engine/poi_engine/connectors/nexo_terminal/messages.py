"""What is asked of a nexo terminal and what its answers say; names are the wire's. A card number stays here. Pure."""

import hashlib
import math
import re
import secrets
from base64 import b32encode
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct, ValidationError, convert

from poi_engine.connectors.currencies import scale_of
from poi_engine.errors import DeviceError
from poi_engine.ports import PaymentResult
from poi_offers.situation import PaymentFacts

Message = dict[str, Any]
_SCHEMES = {"mc": "mastercard", "cartebancaire": "cb", "cartes bancaires": "cb", "cup": "unionpay"}
_ENTRY_MODES: dict[str, Literal["chip", "contactless", "swipe", "manual", "phone"]] = {
    **dict.fromkeys(("Contactless", "Tapped", "RFID"), "contactless"),
    **dict.fromkeys(("ICC", "Icc", "SynchronousICC"), "chip"),
    **dict.fromkeys(("Keyed", "Manual"), "manual"),
    "MagStripe": "swipe",
    "Mobile": "phone",
}
_FUNDING: dict[str, Literal["debit", "credit", "prepaid"]] = {
    "debit": "debit",
    "credit": "credit",
    "charge": "credit",
    "prepaid": "prepaid",
}
_REASONS = {
    "Aborted": "stopped by the till",
    "Busy": "the terminal is busy",
    "Cancel": "abandoned by the customer",
    "DeviceOut": "a part of the terminal is out of order",
    "InsertedCard": "a card is still in the reader",
    "InvalidCard": "the card is not accepted",
    "LoggedOut": "the terminal wants a login first",
    "MessageFormat": "the terminal did not understand the request",
    "NotAllowed": "the terminal does not allow it",
    "NotFound": "the terminal does not know what it refers to",
    "PaymentRestriction": "these goods cannot be paid with this card",
    "Refusal": "refused",
    "UnavailableDevice": "a part of the terminal is not available",
    "UnavailableService": "the terminal does not offer this",
    "UnreachableHost": "the terminal does not reach its bank",
    "WrongPIN": "wrong PIN",
}


class Nonsense(DeviceError):
    """The terminal's answer is none to what was asked: what it did is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__("malformed-answer", f"The terminal's answer cannot be used: {why}.")


class TransactionId(Struct, frozen=True, kw_only=True):
    """A transaction of the terminal's, or of ours."""

    TransactionID: str
    TimeStamp: str = ""


class _Response(Struct, kw_only=True):
    Result: str
    ErrorCondition: str | None = None
    AdditionalResponse: str | None = None


class _PoiData(Struct, kw_only=True):
    POITransactionID: TransactionId | None = None


class _CardData(Struct, kw_only=True):
    PaymentBrand: str | None = None
    MaskedPan: str | None = None
    MaskedPAN: str | None = None
    EntryMode: list[str] | None = None


class _Instrument(Struct, kw_only=True):
    PaymentInstrumentType: str | None = None
    CardData: _CardData | None = None


class _Amounts(Struct, kw_only=True):
    AuthorizedAmount: float
    Currency: str | None = None


class _Acquirer(Struct, kw_only=True):
    ApprovalCode: str | None = None


class _PaymentResult(Struct, kw_only=True):
    AmountsResp: _Amounts | None = None
    PaymentInstrumentData: _Instrument | None = None
    PaymentAcquirerData: _Acquirer | None = None
    OnlineFlag: bool | None = None


class _Repeated(Struct, kw_only=True):
    MessageHeader: Message
    RepeatedResponseMessageBody: Message


class Body(Struct, kw_only=True):
    """The parts of an answer's body that we read; others, and those given as null, are passed over."""

    Response: _Response
    POIData: _PoiData | None = None
    PaymentResult: _PaymentResult | None = None
    PaymentInstrumentData: _Instrument | None = None
    ReversedAmount: float | None = None
    RepeatedMessageResponse: _Repeated | None = None
    POIStatus: Message | None = None
    http_date: str = ""

    @property
    def said_at(self) -> str:
        """What time it is there, as it names the transaction, or as its HTTP answer says."""
        return (self.transaction.TimeStamp if self.transaction else "") or self.http_date

    @property
    def succeeded(self) -> bool:
        """Whether all or a part of it was done."""
        return self.Response.Result in ("Success", "Partial")

    @property
    def condition(self) -> str:
        """Why not."""
        return self.Response.ErrorCondition or ""

    @property
    def reason(self) -> str:
        """Why not, for people."""
        return _REASONS.get(self.condition, self.condition[:60] or "refused")

    @property
    def transaction(self) -> TransactionId | None:
        """The terminal's own reference."""
        return self.POIData.POITransactionID if self.POIData else None


def service_id(reference: str) -> str:
    """The ten characters that name the message about one of our references: always the same ones."""
    return b32encode(hashlib.sha256(reference.encode()).digest())[:10].decode()


def new_service_id() -> str:
    """A name for a message that nobody will ask about."""
    return b32encode(secrets.token_bytes(7))[:10].decode()


def header(category: str, service: str, sale_id: str, poi_id: str) -> Message:
    """A request's header."""
    return {
        "ProtocolVersion": "3.0",
        "MessageClass": "Service",
        "MessageCategory": category,
        "MessageType": "Request",
        "ServiceID": service,
        "SaleID": sale_id,
        "POIID": poi_id,
    }


def body_of(answer: object, asked: Message) -> Body:
    """The body of an answer to the message with the header `asked`. Raises `Nonsense`."""
    if not isinstance(answer, dict) or not isinstance(answer.get("MessageHeader"), dict):
        raise Nonsense("it has no header")
    same_message(answer["MessageHeader"], asked)
    return read_body(answer.get(f"{asked['MessageCategory']}Response"))


def same_message(said: Message, asked: Message) -> None:
    """Whether a header belongs to what was asked. Raises `Nonsense`."""
    for name in ("MessageCategory", "ServiceID", "SaleID", "POIID"):
        if said.get(name) != asked[name]:
            raise Nonsense(f"it has another {name}")
    if said.get("MessageType", "Response") != "Response":
        raise Nonsense("it is no response")


def read_body(value: object) -> Body:
    """A body as far as we read it. Raises `Nonsense`."""
    try:
        return convert(value, Body)
    except ValidationError as error:
        raise Nonsense(str(error)) from None


def sale_data(reference: str, at: float) -> Message:
    """Our reference, as the terminal prints it."""
    return {"SaleTransactionID": {"TransactionID": reference, "TimeStamp": stamp(at)}}


def stamp(at: float) -> str:
    """A moment, seconds since 1970, as the wire has it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def decimal(amount: int, currency: str) -> float:
    """Minor units as the wire's number, which prints as exactly this many decimals."""
    return amount / scale_of(currency)


def minor(value: float, currency: str) -> int:
    """The wire's number in minor units. Raises `Nonsense` for a fraction of one."""
    scaled = value * scale_of(currency)
    if not math.isfinite(scaled) or abs(scaled - round(scaled)) > 1e-4:
        raise Nonsense(f"{value!r} is no amount of {currency}")
    return round(scaled)


def payment_said(reference: str, amount: int | None, currency: str, body: Body) -> PaymentResult:
    """What an answer to a payment means; `amount` is None where we no longer know what was asked."""
    if not body.succeeded:
        return _refused(reference, body)
    result = body.PaymentResult
    if result is None or result.AmountsResp is None:
        raise Nonsense("it tells of success and of no amount")
    said = result.AmountsResp.Currency or currency
    if currency not in ("", said):
        raise Nonsense("it tells of another currency")
    taken = minor(result.AmountsResp.AuthorizedAmount, said)
    whole = amount is None or taken == amount
    return PaymentResult(
        outcome="approved" if whole else "unknown",  # money moved, but another amount: a person decides
        payment_ref=reference,
        amount=taken,
        facts=facts_of(result.PaymentInstrumentData, body.Response.AdditionalResponse),
        guaranteed=result.OnlineFlag is not False,
        authorisation=(result.PaymentAcquirerData.ApprovalCode or "" if result.PaymentAcquirerData else "")[:40],
        reason="" if whole else f"the terminal took {taken} of {amount} minor units",
    )


def reversal_said(reference: str, amount: int | None, currency: str, body: Body) -> PaymentResult:
    """What an answer to a reversal means; without an amount all that was asked went back."""
    if not body.succeeded:
        return _refused(reference, body)
    said = body.ReversedAmount
    if said is None and body.Response.Result == "Partial":
        raise Nonsense("it gave back a part and does not say how much")
    asked = amount or 0
    back = minor(said, currency) if said is not None and currency else asked
    if amount is not None and back != amount:
        why = f"the terminal gave back {back} of {amount} minor units"
        return PaymentResult(outcome="unknown", payment_ref=reference, amount=back, reason=why)
    return PaymentResult(outcome="approved", payment_ref=reference, amount=back)


def _refused(reference: str, body: Body) -> PaymentResult:
    if body.condition == "InProgress":
        return PaymentResult(outcome="in_progress", payment_ref=reference)
    return PaymentResult(outcome="declined", payment_ref=reference, reason=body.reason)


def facts_of(instrument: _Instrument | None, additional: str | None = None) -> PaymentFacts:
    """The card's facts: scheme, first digits, entry mode, and what kind of card it is where the terminal tells."""
    card = (instrument.CardData if instrument else None) or _CardData()
    brand = (card.PaymentBrand or "").lower()[:40]
    shown = re.match(r"\d{6,8}", (card.MaskedPan or card.MaskedPAN or "").replace(" ", ""))
    modes = [_ENTRY_MODES[mode] for mode in card.EntryMode or () if mode in _ENTRY_MODES]
    phone = instrument is not None and instrument.PaymentInstrumentType == "Mobile"
    kind = re.search(r"(?i)funding_?source=([a-z]+)", additional or "")
    return PaymentFacts(
        scheme=_SCHEMES.get(brand, brand) or None,
        card_type=_FUNDING.get(kind[1].lower()) if kind else None,
        bin=shown[0] if shown else None,
        entry_mode="phone" if phone else modes[0] if modes else None,
    )
