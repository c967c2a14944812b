"""Messages are read as tills write them, and written as tills read them."""

from decimal import Decimal

import msgspec
import pytest

from poi_engine.errors import RequestError
from poi_engine.nexo.crypto import CryptoError, Sealer
from poi_server.nexo.envelope import Unreadable, opened, reply_header, sealed
from poi_server.nexo.money import decimal_of, minor_units
from poi_server.nexo.wire.common import LoyaltyAccountID, Response
from poi_server.nexo.wire.names import decode, encode, respelled, wire_name
from poi_server.nexo.wire.payment import PaymentRequest
from tests.nexo.messages import KEY, header, request

VECTOR = {
    "NexoBlob": "9EC3oS4dkpKPa95ID9f9a1I9M5ljgEdL5NjT3aSDjahOmLw0CbTutIGTpoFmV1w+"
    "2ybkZrz23ohVimyEbTOgeE0c7EcwoHJZNtmejViTmPU=",
    "SecurityTrailer": {
        "AdyenCryptoVersion": 1,
        "KeyIdentifier": "CryptoKeyIdentifier12345",
        "KeyVersion": 1,
        "Nonce": "AAECAwQFBgcICQoLDA0ODw==",
        "Hmac": "FlOk89z/X6W5bAIe205POA5Hj9NenQgiB/960DRIUV0=",
    },
}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("sale_to_poi_data", "SaleToPOIData"),
        ("poiid", "POIID"),
        ("sale_id", "SaleID"),
        ("ean_upc", "EanUpc"),
        ("acquirer_poiid", "AcquirerPOIID"),
        ("card_reader_ok_flag", "CardReaderOKFlag"),
        ("output_xhtml", "OutputXHTML"),
    ],
)
def test_fields_have_the_wires_names(field: str, name: str) -> None:
    assert wire_name(field) == name


def test_a_decimal_is_never_a_binary_float() -> None:
    read = decode(b'{"RequestedAmount":0.1,"ItemAmount":9.99}')
    assert read["RequestedAmount"] + Decimal("0.2") == Decimal("0.3")
    assert encode({"AuthorizedAmount": decimal_of(1005, "EUR")}) == b'{"AuthorizedAmount":10.05}'


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("9.99", "EUR", 999), ("10", "EUR", 1000), ("10.50", "EUR", 1050), ("500", "JPY", 500), ("1.234", "KWD", 1234)],
)
def test_amounts_are_minor_units_by_the_currencys_digits(amount: str, currency: str, minor: int) -> None:
    assert minor_units(Decimal(amount), currency, "$") == minor
    assert decimal_of(minor, currency) == Decimal(amount)


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(RequestError) as refused:
        minor_units(Decimal("9.995"), "EUR", "$.AmountsReq.RequestedAmount")
    assert (refused.value.code, refused.value.path) == ("too-many-decimals", "$.AmountsReq.RequestedAmount")


@pytest.mark.parametrize("amount", ["1e999999", "-1e9", "1e-999999", "NaN", "1000000.01"])
def test_no_amount_is_too_large_or_too_fine_to_be_refused(amount: str) -> None:
    with pytest.raises(RequestError):
        minor_units(Decimal(amount), "EUR", "$")


def test_null_is_absent_and_both_spellings_of_a_constant_are_understood() -> None:
    sent = {"EntryMode": ["Rfid", "ICC", None], "IdentificationType": "Pan", "LoyaltyID": None, "Text": "Pan"}
    assert respelled(sent) == {"EntryMode": ["RFID", "ICC"], "IdentificationType": "PAN", "Text": "Pan"}
    account = msgspec.convert(respelled(sent), LoyaltyAccountID)
    assert account.loyalty_id is None
    assert encode(account) == b'{"EntryMode":["RFID","ICC"],"IdentificationType":"PAN"}'


def test_unknown_fields_are_passed_over_and_what_is_absent_is_not_sent() -> None:
    sent = {
        "SaleData": {"SaleTransactionID": {"TransactionID": "1", "TimeStamp": "2026-01-01T00:00:00.000Z"}},
        "PaymentTransaction": {"AmountsReq": {"Currency": "EUR", "RequestedAmount": Decimal("9.99")}, "New": {"x": 1}},
    }
    read = msgspec.convert(sent, PaymentRequest)
    assert read.payment_data.payment_type == "Normal"
    assert read.payment_transaction.amounts_req.requested_amount == Decimal("9.99")
    assert encode(Response(result="Success")) == b'{"Result":"Success"}'


def test_answers_are_ascii_whatever_they_say() -> None:
    written = encode({"Text": "Café 5 € 🍰"})
    assert written.isascii()
    assert msgspec.json.decode(written) == {"Text": "Café 5 € 🍰"}


def test_a_plain_request_is_its_header_and_its_body() -> None:
    asked = opened(msgspec.json.encode(request("Login", {"OperatorLanguage": "fr"})), ())
    assert (asked.header.message_category, asked.header.poiid) == ("Login", "P400Plus-123456789")
    assert asked.body == {"LoginRequest": {"OperatorLanguage": "fr"}}
    answer = msgspec.json.decode(sealed(reply_header(asked.header), {"LoginResponse": {}}, None))
    assert answer == {
        "SaleToPOIResponse": {"MessageHeader": header("Login") | {"MessageType": "Response"}, "LoginResponse": {}}
    }


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "nexo-unreadable"),
        (b"[1]", "nexo-unreadable"),
        (b'{"SaleToPOIRequest":1}', "nexo-unreadable"),
        (b"\xff", "nexo-unreadable"),
        (b"[" * 5000, "nexo-unreadable"),
        (b'{"SaleToPOIRequest":{"Amount":1e9999999999999999999999}}', "nexo-unreadable"),
        (msgspec.json.encode(request("Payment", {"ProductLabel": "a\0b"})), "nexo-unreadable"),
        (b'{"SaleToPOIRequest":{}}', "nexo-header"),
        (msgspec.json.encode(request("Login", {}, SaleID=None)), "nexo-header"),
        (msgspec.json.encode(request("Login", {}, None)), "nexo-header"),
        (msgspec.json.encode(request("Login", {}, "12345678901")), "nexo-header"),
    ],
)
def test_what_no_answer_can_be_given_to_is_refused_by_the_transport(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        opened(content, ())
    assert (refused.value.code, refused.value.status) == (code, 400)


def secured(**other: object) -> bytes:
    message = request("Diagnosis", {})
    blob, trailer = Sealer(KEY).seal(msgspec.json.encode(message))
    clear = {"MessageHeader": header("Diagnosis"), "NexoBlob": blob, "SecurityTrailer": trailer} | other
    return msgspec.json.encode({"SaleToPOIRequest": clear})


def test_a_secured_request_is_answered_with_the_same_key() -> None:
    sealer = Sealer(KEY)
    asked = opened(secured(), [sealer])
    assert asked.body == {"DiagnosisRequest": {}}
    answer = msgspec.json.decode(sealed(reply_header(asked.header), {"DiagnosisResponse": {"a": "é"}}, asked.sealer))
    told = answer["SaleToPOIResponse"]
    assert set(told) == {"MessageHeader", "NexoBlob", "SecurityTrailer"}
    trailer = told["SecurityTrailer"]
    assert (trailer["KeyIdentifier"], trailer["KeyVersion"], trailer["AdyenCryptoVersion"]) == (KEY.identifier, 1, 1)
    plain = sealer.open(told["NexoBlob"], msgspec.convert(trailer, type(sealer.seal(b"")[1])))
    assert msgspec.json.decode(plain)["SaleToPOIResponse"]["DiagnosisResponse"] == {"a": "é"}


FAULTS = {
    "another key": {"SecurityTrailer": VECTOR["SecurityTrailer"] | {"KeyVersion": 2}},  # type: ignore[operator]
    "another message's blob": {"NexoBlob": VECTOR["NexoBlob"]},
    "another header": {"MessageHeader": header("Diagnosis", SaleID="Another")},
    "no trailer": {"SecurityTrailer": None},
    "no blob": {"NexoBlob": None},
    "a blob that is none": {"NexoBlob": 7},
    "a short nonce": {"SecurityTrailer": VECTOR["SecurityTrailer"] | {"Nonce": "AAEC"}},  # type: ignore[operator]
    "broken padding": {"NexoBlob": "AAAAAAAAAAAAAAAAAAAAAA=="},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_a_secured_request_has_one_and_the_same_answer(fault: str) -> None:
    with pytest.raises(CryptoError) as refused:
        opened(secured(**FAULTS[fault]), [Sealer(KEY)])  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.message) == (CryptoError().code, CryptoError().message)


def test_the_published_vector_is_opened() -> None:
    sealer = Sealer(KEY)
    with pytest.raises(Unreadable, match="MessageClass"):  # it opens, and its header lacks what ours must have
        opened(msgspec.json.encode({"SaleToPOIRequest": VECTOR}), [sealer])
