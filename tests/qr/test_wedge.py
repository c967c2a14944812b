"""Lines that a scanner types: AIM prefixes and line ends come off, and the content reaches `classify` whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_qr.payload import Payload, PayloadError, classify
from poi_qr.wedge import clean


@pytest.mark.parametrize(
    ("line", "data", "symbology"),
    [
        ("3760123456784\r", b"3760123456784", ""),
        ("]E03760123456784\r\n", b"3760123456784", "ean-13"),
        ("]E496385074\n", b"96385074", "ean-8"),
        ("]Q1https://shop.example/l/MARIE-0042\r", b"https://shop.example/l/MARIE-0042", "qr"),
        ("]Q2x", b"x", "qr"),
        ("]Q30104012345123456", b"0104012345123456", "gs1-qr"),
        ("]C0ABC-1", b"ABC-1", "code-128"),
        ("]C1010401234512345610A\x1d21B\r\n", b"010401234512345610A\x1d21B", "gs1-128"),
        ("]d1x", b"x", "data-matrix"),
        ("]d2x", b"x", "gs1-data-matrix"),
        ("]L0x", b"x", ""),
        (b"]Q1Caf\xc3\xa9\r\n", "Café".encode(), "qr"),
        (b"caf\xe9", b"caf\xe9", ""),
        ("", b"", ""),
        ("]", b"]", ""),
        ("BCD\r002\r", b"BCD\n002", ""),
    ],
)
def test_lines(line: str | bytes, data: bytes, symbology: str) -> None:
    assert clean(line) == (data, symbology)


def test_the_cleaned_line_is_what_classify_takes() -> None:
    assert classify(*clean("]E03760123456784\r")) == Payload("gtin", "3760123456784")


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_any_line_ends_as_a_payload_or_a_refusal(line: str | bytes) -> None:
    try:
        assert classify(*clean(line)).subject
    except PayloadError as error:
        assert error.code
    if isinstance(line, str):
        assert clean(line + "\r\n") == clean(line)
