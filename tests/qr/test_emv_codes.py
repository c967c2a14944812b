"""EMV codes: the examples of the specifications and of public implementations, and every way to break them."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_qr.errors import PayloadError
from poi_qr.payload import classify
from poi_qr.payloads import emv_cpm, emv_mpm

SPECIFICATION = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016"
    "A0112233449988770708123456786304A13A"
)
TIP = (
    "00020101021102160004hoge0104abcd520441115303156540523.7255020256035005802CN5914BEST TRANSPORT6007BEIJING"
    "6107123456762800205678900305098760505abcde0705klmno0805pqres0903tuv1004abcd5016000412340104ijkl64280002ZH"
    "0102北京0204最佳运输0304abcd65020080320016A01122334499887707081234567863046325"
)
PIX_TWO_NETWORKS = (
    "00020104141234567890123426580014BR.GOV.BCB.PIX0136123e4567-e12b-12d1-a456-42665544000027300012BR.COM.OUTRO"
    "011001234567895204000053039865406123.455802BR5917NOME DO RECEBEDOR6008BRASILIA61087007490080390012BR.COM.OUTRO"
    "01190123.ABCD.3456.WXYZ6304549C"
)
PIX_URL = (
    "00020101021226770014BR.GOV.BCB.PIX2555pix.example.com/qr/93598be0-1bd0-4997-8318-81776a1d8a995204000053039865802BR"
    "5907EMPRESA6009SAO PAULO62070503***6304EEAB"
)
PROMPTPAY = "00020101021129370016A000000677010111011300668012345675802TH530376463046197"
KHQR = (
    "00020101021252044131153137210116372101160123456789ABCDE6010Phnom Penh5913Merchant Shop5802KH540510.005303840"
    "622501081234567802090124444446304A0BA"
)
CPM_ONE = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8="
CPM_TWO = (
    "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0I"
    "cnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw=="
)
CARD_IN_CPM = "1234567890123458"


def sealed(body: str) -> str:
    """A merchant-presented code with its CRC."""
    return f"{body}6304{binascii.crc_hqx((body + '6304').encode(), 0xFFFF):04X}"


def obj(tag: str, value: str) -> str:
    return f"{tag}{len(value):02}{value}"


def refused(text: str) -> str:
    with pytest.raises(PayloadError) as caught:
        classify(text.encode(), "qr")
    return caught.value.code


def evidence(text: str) -> dict[str, str]:
    return dict(classify(text.encode(), "qr").evidence)


def test_the_specification_s_merchant_code() -> None:
    code = emv_mpm.parse(SPECIFICATION)
    assert code.dynamic
    assert (code.values["52"], code.values["53"], code.values["54"], code.values["55"]) == (
        "4111",
        "156",
        "23.72",
        "01",
    )
    assert dict(code.templates["62"]) == {"03": "1234", "06": "***", "07": "A6008667", "09": "ME"}
    assert dict(code.templates["64"]) == {"00": "ZH", "01": "最佳运输", "02": "北京"}
    assert dict(code.templates["91"]) == {"00": "A011223344998877", "07": "12345678"}


def test_the_specification_s_merchant_code_as_payload() -> None:
    found = classify(SPECIFICATION.encode(), "qr")
    assert (found.scheme, found.subject, found.assurance) == ("emv-mpm", "D15600000000", "identify")
    assert found.evidence == (
        ("use", "dynamic"),
        ("mcc", "4111"),
        ("currency", "156"),
        ("amount", "23.72"),
        ("country", "CN"),
        ("merchant-name", "BEST TRANSPORT"),
        ("city", "BEIJING"),
        ("terminal", "A6008667"),
    )


def test_a_static_code_with_a_fixed_tip() -> None:
    code = emv_mpm.parse(TIP)
    assert not code.dynamic
    assert (code.values["55"], code.values["56"], code.values["61"]) == ("02", "500", "1234567")
    assert classify(TIP.encode(), "qr").subject == "visa"


def test_two_networks() -> None:
    code = emv_mpm.parse(PIX_TWO_NETWORKS)
    assert code.templates["26"]["01"] == "123e4567-e12b-12d1-a456-426655440000"
    assert code.templates["27"]["01"] == "0123456789"
    assert (code.values["54"], code.values["58"]) == ("123.45", "BR")
    assert code.templates["80"]["01"] == "0123.ABCD.3456.WXYZ"


def test_a_dynamic_address_is_data_and_no_link() -> None:
    expected = "pix.example.com/qr/93598be0-1bd0-4997-8318-81776a1d8a99"
    assert emv_mpm.parse(PIX_URL).templates["26"]["25"] == expected
    assert classify(PIX_URL.encode(), "qr").scheme == "emv-mpm"


def test_a_code_without_optional_objects() -> None:
    assert emv_mpm.parse(PROMPTPAY).templates["29"]["01"] == "0066801234567"
    assert classify(PROMPTPAY.encode(), "qr").subject == "A000000677010111"


def test_objects_in_another_order() -> None:
    assert evidence(KHQR)["bill"] == "12345678"
    assert evidence(KHQR)["amount"] == "10.00"
    assert classify(KHQR.encode(), "qr").subject == "unionpay"
    assert emv_mpm.parse(KHQR).templates["62"]["02"] == "012444444"


def test_a_loyalty_number_is_evidence() -> None:
    assert evidence(sealed("000201" + obj("62", obj("04", "FID-77"))))["loyalty-number"] == "FID-77"


def test_a_card_number_in_an_object_is_left_out() -> None:
    text = sealed("000201" + obj("62", obj("01", "4111111111111111") + obj("05", "R1")))
    assert evidence(text) == {"use": "static", "reference": "R1"}


def test_a_card_number_in_place_of_the_scheme_is_refused() -> None:
    assert refused(sealed("000201" + obj("26", obj("00", "4111111111111111")))) == "looks-like-a-card-number"


def test_an_application_identifier_is_not_taken_for_a_card_number() -> None:
    aid = "A411111111111111" + "1"
    assert classify(sealed("000201" + obj("26", obj("00", aid))).encode(), "qr").subject == aid


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("000201", "bad-emv-code"),
        ("0002016304", "bad-emv-code"),
        ("00020163041234", "bad-emv-crc"),
        (SPECIFICATION[:-1] + "B", "bad-emv-crc"),
        (SPECIFICATION.replace("北京", "上海"), "bad-emv-crc"),
        (sealed("000201" + obj("53", "156") + obj("53", "303")), "bad-emv-code"),
        (sealed("000201" + obj("62", obj("01", "a") + obj("01", "b"))), "bad-emv-code"),
        (sealed("000201" + "5399x"), "bad-emv-code"),
        (sealed("000201" + "5300"), "bad-emv-code"),
        (sealed("000201" + "53"), "bad-emv-code"),
        (sealed("000201" + "٥٣03156"), "bad-emv-code"),
        (sealed("000201" + obj("62", "0199a")), "bad-emv-code"),
        (sealed(sealed("000201") + obj("58", "FR")), "bad-emv-code"),
    ],
)
def test_broken_merchant_codes(text: str, code: str) -> None:
    assert refused(text) == code


@given(
    st.dictionaries(
        st.sampled_from([f"{n:02}" for n in (1, 2, 15, 52, 53, 54, 58, 59, 60, 61)]),
        st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=25),
    )
)
def test_merchant_codes_round_trip(values: dict[str, str]) -> None:
    parsed = emv_mpm.parse(sealed("000201" + "".join(obj(tag, value) for tag, value in values.items())))
    assert {tag: parsed.values[tag] for tag in values} == values


@given(place=st.integers(0, len(TIP) - 5), replacement=st.characters(codec="ascii", categories=["L", "N"]))
def test_no_single_changed_character_passes(place: int, replacement: str) -> None:
    changed = TIP[:place] + replacement + TIP[place + 1 :]
    if changed != TIP:
        with pytest.raises(PayloadError):
            emv_mpm.parse(changed)


def test_the_specification_s_consumer_code_keeps_no_card_number() -> None:
    found = classify(CPM_ONE.encode(), "qr")
    assert (found.scheme, found.subject, found.evidence) == ("emv-cpm", "A0000000555555", ())
    assert CARD_IN_CPM not in repr(found)
    assert CARD_IN_CPM not in repr(emv_cpm.parse(CPM_ONE))


def test_two_applications_in_order_of_preference() -> None:
    found = classify(CPM_TWO.encode(), "qr")
    assert found.subject == "A0000000555555,A0000000666666"
    assert found.evidence == (("labels", "Product1,Product2"),)
    assert "CARDHOLDER" not in repr(found)
    assert emv_cpm.parse(CPM_TWO)[1] == emv_cpm.Application("A0000000666666", "Product2")


def consumer(body: bytes) -> str:
    return base64.b64encode(b"\x85\x05CPV01" + body).decode()


AID = b"\x4f\x07\xa0\x00\x00\x00\x55\x55\x55"


@pytest.mark.parametrize(
    "text",
    [
        "hQVDUFY",
        "hQVDUFYwMW!",
        "hQVDUFYwMg==",
        consumer(b""),
        consumer(b"\x61\x00"),
        consumer(b"\x61"),
        consumer(b"\x61\x7f\x4f"),
        consumer(b"\x61\x80" + AID),
        consumer(b"\x61\x84\x00\x00\x00\x01\x00"),
        consumer(b"\x61\x06\x4f\x04\xa0\x00\x00\x00"),
        consumer(b"\x61" + bytes([2 * len(AID)]) + AID + AID),
        consumer(b"\x61" + bytes([len(AID)]) + AID + b"\x85\x05CPV01"),
        consumer(b"\x61" + bytes([len(AID)]) + AID + b"\x9f\x80\x01\x00"),
        consumer(b"\x61" + bytes([len(AID)]) + AID + b"\x64\x00" * 70),
        consumer(b"\x61" + bytes([len(AID)]) + AID + b"\x64\x82\x04\x00" + bytes(1024)),
    ],
)
def test_broken_consumer_codes(text: str) -> None:
    assert refused(text) == "bad-emv-code"


def test_unknown_objects_and_long_codes_are_read() -> None:
    body = b"\x61" + bytes([len(AID)]) + AID + b"\x64\x82\x02\x00" + bytes(512) + b"\x9f\x7f\x01\x00"
    assert classify(consumer(body).encode(), "qr").subject == "A0000000555555"
