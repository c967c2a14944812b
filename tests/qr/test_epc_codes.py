"""EPC credit-transfer codes: the payee is read in the code's own character set, and every line is checked."""

import pytest
from segno.helpers import make_epc_qr

from poi_qr.decoders import decode_image
from poi_qr.errors import PayloadError
from poi_qr.payload import classify
from poi_qr.payloads import epc
from tests.qr.pictures import png

WIKIMEDIA = (
    "BCD\n002\n2\nSCT\n\nWikimedia Foerdergesellschaft\nDE33100205000001194700\nEUR20\n\n\nSpende fuer Wikipedia"
)
RED_CROSS = (
    "BCD\n001\n1\nSCT\nBPOTBEB1\nRed Cross of Belgium\nBE72000000001616\nEUR1\nCHAR\n\nUrgency fund\nSample EPC QR code"
)


def lines(**changes: str) -> bytes:
    """The Wikimedia code with some lines changed: `line8="EUR5"`."""
    parts = WIKIMEDIA.split("\n")
    for name, value in changes.items():
        parts[int(name.removeprefix("line")) - 1] = value
    return "\n".join(parts).encode()


def test_a_donation() -> None:
    found = classify(WIKIMEDIA.encode(), "qr")
    assert (found.scheme, found.subject) == ("epc", "DE33100205000001194700")
    assert dict(found.evidence) == {
        "payee": "Wikimedia Foerdergesellschaft",
        "amount-minor": "2000",
        "text": "Spende fuer Wikipedia",
    }


def test_version_one_with_bic_and_purpose() -> None:
    found = epc.parse(RED_CROSS.encode())
    assert (found.bic, found.purpose, found.amount_minor, found.text) == ("BPOTBEB1", "CHAR", 100, "Urgency fund")


def test_an_iban_is_not_taken_for_a_card_number() -> None:
    assert classify(RED_CROSS.encode(), "qr").subject == "BE72000000001616"


@pytest.mark.parametrize(("charset", "codec"), [("1", "utf-8"), ("2", "iso8859-1"), ("8", "iso8859-15")])
def test_accents_in_the_code_s_own_character_set(charset: str, codec: str) -> None:
    data = lines(line3=charset, line6="Crêperie Élan").decode().encode(codec)
    assert dict(classify(data, "qr").evidence)["payee"] == "Crêperie Élan"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends(line_end: str) -> None:
    assert classify(WIKIMEDIA.replace("\n", line_end).encode(), "qr").scheme == "epc"


def test_a_code_made_by_another_library_and_read_from_its_picture() -> None:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    made = make_epc_qr(
        name="Boulangerie Müller", iban="FR7630006000011234567890189", amount=12.5, text="Café", encoding=1
    )
    made.save(out, kind="png", scale=4)
    (symbol,) = decode_image(png(Image.open(out).convert("L")), still=False)
    found = classify(symbol.data, symbol.symbology)
    assert found.subject == "FR7630006000011234567890189"
    assert dict(found.evidence) == {"payee": "Boulangerie Müller", "amount-minor": "1250", "text": "Café"}


@pytest.mark.parametrize(
    "data",
    [
        b"BCD\n",
        b"BCD\n002\n2",
        lines(line2="003"),
        lines(line3="9"),
        lines(line3=""),
        lines(line4="SDD"),
        lines(line2="001"),
        lines(line5="nonsense"),
        lines(line6=""),
        lines(line6="x" * 71),
        lines(line7="DE33100205000001194701"),
        lines(line7=""),
        lines(line7="DE33١٠٠٢٠٥٠٠٠٠٠١١٩٤٧٠٠"),
        lines(line8="20"),
        lines(line8="USD20"),
        lines(line8="EUR0.00"),
        lines(line8="EUR-1"),
        lines(line8="EUR1.234"),
        lines(line8="EUR1e3"),
        lines(line10="RF18539007547034"),
        lines() + b"\ninfo\nmore",
        lines(line11="x" * 300),
        lines(line3="1").replace(b"fuer", b"f\xfcr"),
    ],
)
def test_broken_lines(data: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        classify(data, "qr")
    assert caught.value.code == "bad-epc-code"


def test_hidden_characters_are_refused_here_too() -> None:
    with pytest.raises(PayloadError) as caught:
        classify(lines(line3="1", line6="Shop\u202e"), "qr")
    assert caught.value.code == "bidi-character"
