"""What each code is taken for, and what is refused before anything else looks at it."""

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from poi_qr import poi1
from poi_qr.payload import MAX_BYTES, Payload, PayloadError, classify

TOKEN = poi1.issue(b"k" * 32, 3, b"handle-8", 1_760_000_000, 7)
VISA = "4111111111111111"


def refused(data: bytes | str, symbology: str = "qr") -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        classify(data.encode() if isinstance(data, str) else data, symbology)
    return caught.value


@pytest.mark.parametrize(
    ("text", "symbology", "scheme", "subject"),
    [
        (TOKEN, "qr", "poi1", TOKEN),
        ("3760123456784", "ean-13", "gtin", "3760123456784"),
        ("0012345678905", "ean-13", "gtin", "0012345678905"),
        ("012345678905", "upc-a", "gtin", "0012345678905"),
        ("96385074", "ean-8", "gtin", "96385074"),
        ("3760123456784", "", "gtin", "3760123456784"),
        ("3760123456784", "qr", "gtin", "3760123456784"),
        ("13760123456781", "", "gtin", "13760123456781"),
        ("2012345678903", "ean-13", "gtin", "2012345678903"),
        ("3760123456785", "qr", "loyalty", "3760123456785"),
        ("3760123456784", "code-128", "loyalty", "3760123456784"),
        ("MARIE-0042", "code-128", "loyalty", "MARIE-0042"),
        ("MARIE-0042", "qr", "loyalty", "MARIE-0042"),
        ("https://shop.example/l/MARIE-0042", "qr", "loyalty", "MARIE-0042"),
        ("https://shop.example:8443/c/sta_12#tok-EN_1", "qr", "station", "sta_12"),
        ("http://127.0.0.1:8080/c/sta_12#tok", "qr", "station", "sta_12"),
        ("https://shop.example/c/sta_12", "qr", "url", "https://shop.example/c/sta_12"),
        ("https://shop.example/l/a/b", "qr", "url", "https://shop.example/l/a/b"),
        ("HTTPS://SHOP.EXAMPLE/X", "qr", "url", "HTTPS://SHOP.EXAMPLE/X"),
        ("javascript:alert(1)", "qr", "text", "javascript:alert(1)"),
        ("https://[broken", "qr", "text", "https://[broken"),
        ("https://", "qr", "text", "https://"),
        ("Café 3,50 €", "qr", "text", "Café 3,50 €"),
        ("abc", "qr", "text", "abc"),
        ("a" * 65, "qr", "text", "a" * 65),
    ],
)
def test_scheme_and_subject(text: str, symbology: str, scheme: str, subject: str) -> None:
    found = classify(text.encode(), symbology)
    assert (found.scheme, found.subject) == (scheme, subject)
    assert found.assurance == ("authenticate" if scheme == "poi1" else "identify")


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("2012345678903", (("range", "restricted"),)),
        ("0212345678909", (("range", "restricted"),)),
        ("3760123456784", ()),
        ("https://SHOP.example/l/MARIE-0042", (("host", "shop.example"),)),
        ("https://user:secret@shop.example/x", (("host", "shop.example"),)),
    ],
)
def test_evidence(text: str, evidence: tuple[tuple[str, str], ...]) -> None:
    assert classify(text.encode(), "").evidence == evidence


def test_the_pairing_token_is_not_in_what_may_be_logged() -> None:
    assert "tok-EN_1" not in repr(classify(b"https://shop.example/c/sta_12#tok-EN_1", "qr"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"a" * (MAX_BYTES + 1), "too-long"),
        (b"caf\xe9", "not-utf-8"),
        (b"\xed\xa0\x80", "not-utf-8"),
        (b"a\x00b", "control-character"),
        (b"a\nb", "control-character"),
        (b"a\x1db", "control-character"),
        ("a\u0085b".encode(), "control-character"),
        ("a\u2028b".encode(), "control-character"),
        ("txt.\u202eexe".encode(), "bidi-character"),
        ("\u2066x".encode(), "bidi-character"),
        ("x\u200f".encode(), "bidi-character"),
        (str((2 << 636) + 5).zfill(193).encode(), "unknown-token-profile"),
    ],
)
def test_refused_content(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_the_longest_allowed_text_is_read() -> None:
    assert classify(b"a" * MAX_BYTES, "qr").scheme == "text"


@pytest.mark.parametrize("symbology", ["ean-13", "ean-8", "upc-a"])
@pytest.mark.parametrize("text", ["3760123456785", "123", "ABCDEFGHIJKLM", "٣٧٦٠١٢٣٤٥٦٧٨٤"])
def test_a_retail_symbol_with_a_wrong_check_digit(symbology: str, text: str) -> None:
    assert refused(text, symbology).code == "bad-product-code"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111-1111-1111-1111",
        "4111 1111 1111 1111",
        "378282246310005",
        "3782 822463 10005",
        "6304000000000000000",
        f"https://shop.example/l/{VISA}",
        f"https://shop.example/pay?card={VISA}",
        "https://shop.example/pay?card=%34%31%31%31111111111111",
        f"%B{VISA}^DOE/JANE^2512101?",
        f";{VISA}=25121010000000000000?",
        f"card {VISA}!",
        "４１１１１１１１１１１１１１１１",
    ],
)
def test_a_card_number_is_refused_and_never_repeated(text: str) -> None:
    for symbology in ("qr", "code-128", ""):
        error = refused(text, symbology)
        assert error.code == "looks-like-a-card-number"
        assert "1111" not in str(error)
        assert error.__context__ is None


@pytest.mark.parametrize("text", ["4111111111111112", "49927398716", "123e4567-e89b-12d3-a456-426614174000", "1" * 20])
def test_other_digits_are_not_taken_for_a_card_number(text: str) -> None:
    assert classify(text.encode(), "qr").subject == text


def test_a_product_code_that_happens_to_pass_luhn_is_a_product() -> None:
    assert classify(b"4000000000006", "ean-13").scheme == "gtin"


HARD_PREFIXES = [
    b"",
    b"000201",
    b"hQVDUFY",
    b"BCD\n002\n1\nSCT\n\nName\n",
    b"https://h/01/",
    b"https://h/c/",
    b"https://id.gs1.org/00/106141412345678908?02=",
    b"0104012345123456",
    b"\x1d10",
    b"]Q3",
]
SYMBOLOGIES = ["qr", "ean-13", "ean-8", "upc-a", "code-128", "data-matrix", "gs1-128", "gs1-qr", "gs1-data-matrix", ""]


@given(
    prefix=st.sampled_from(HARD_PREFIXES),
    rest=st.one_of(
        st.binary(max_size=80),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text(alphabet="0123456789/?&=%-.:\n", max_size=80).map(str.encode),
    ),
    symbology=st.sampled_from(SYMBOLOGIES),
)
@example(prefix=b"", rest="²³¹²³¹²³".encode(), symbology="ean-8")
@example(prefix=b"", rest="https://h/01/٣٧٦٠١٢٣٤٥٦٧٨٤".encode(), symbology="qr")
def test_any_bytes_are_a_payload_or_a_clear_refusal(prefix: bytes, rest: bytes, symbology: str) -> None:
    try:
        found = classify(prefix + rest, symbology)
    except PayloadError as error:
        event(error.code)
        assert error.message
    else:
        event(found.scheme)
        assert isinstance(found, Payload)
        assert found.subject


@given(st.text(alphabet="0123456789", min_size=12, max_size=18))
def test_every_luhn_valid_number_that_is_no_product_is_refused(digits: str) -> None:
    doubled = [int(d) if i % 2 else (int(d) * 2 - 9 if int(d) > 4 else int(d) * 2) for i, d in enumerate(digits[::-1])]
    number = digits + str(-sum(doubled) % 10)
    try:
        found = classify(number.encode(), "")
    except PayloadError as error:
        assert error.code == "looks-like-a-card-number"
    else:
        assert found.scheme == "gtin"
        assert len(number) in (13, 14)
