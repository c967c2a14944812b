"""The loyalty reference in an NDEF message: which record wins, what is cleaned, what is refused."""

import ndef
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_nfc.credential import CardRead, tap_of
from poi_nfc.emulator.loyalty import link_message, record
from poi_nfc.errors import CardError
from poi_nfc.ndef import MAX_MESSAGE, loyalty_reference, normalise


def message(*records):
    return b"".join(ndef.message_encoder(records))


LINK = ndef.UriRecord("https://shop.example/l/LINK-1")
OURS = ndef.Record("urn:nfc:ext:poi:loyalty", "", b"OURS-1")
TEXT = ndef.TextRecord("TEXT-1")
OTHER = ndef.UriRecord("https://shop.example/menu")


@pytest.mark.parametrize(
    ("octets", "reference"),
    [
        (message(LINK), "LINK-1"),
        (message(OURS), "OURS-1"),
        (message(TEXT), "TEXT-1"),
        (message(TEXT, OURS, LINK), "LINK-1"),
        (message(TEXT, OURS, OTHER), "OURS-1"),
        (message(OTHER, TEXT), "TEXT-1"),
        (message(ndef.SmartposterRecord("https://shop.example/l/POSTER", "Our card")), "POSTER"),
        (message(ndef.UriRecord("https://shop.example/fr/l/DEEP?utm=1#top")), "DEEP"),
        (message(ndef.UriRecord("https://shop.example/l/a%2Fb%20c")), "a/b c"),
        (message(ndef.TextRecord("é", "fr", "UTF-16")), "é"),
        (message(OTHER), None),
        (message(ndef.UriRecord("http://shop.example/l/PLAIN")), None),
        (message(ndef.UriRecord("https://shop.example/l/")), None),
        (message(ndef.UriRecord("https://shop.example/l/A/more")), None),
        (message(ndef.UriRecord("tel:+33123456789")), None),
        (message(ndef.Record("application/json", "", b"{}")), None),
        (message(ndef.TextRecord("x" * 65)), None),
        (message(ndef.TextRecord(" ")), None),
        (b"\xd0\x00\x00", None),
        (b"", None),
    ],
)
def test_the_reference_is_taken_from_the_strongest_record(octets, reference):
    assert loyalty_reference(octets) == reference


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  A  B\t", "A B"),
        ("A\u202eB\u2066C\u200f", "ABC"),
        ("A\u200bB\ufeff", "AB"),
        ("A\x07B\x1b[31m", "AB[31m"),
        ("e\u0301", "\u00e9"),
        ("A\u2028B\u00a0C", "A B C"),
        ("<b>&", "<b>&"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_reference_is_normalised_to_what_can_be_printed(raw, clean):
    assert normalise(raw) == clean


@pytest.mark.parametrize("raw", ["", " ", "\u202e", "A\0", "\0", "x" * 65])
def test_a_reference_that_is_none_is_refused(raw):
    with pytest.raises(CardError) as refusal:
        normalise(raw)
    assert refusal.value.code == "bad-reference"


def test_a_broken_record_of_no_concern_does_not_hide_the_reference():
    broken_wifi = b"\x92\x17\x01application/vnd.wfa.wsc\x10"
    link = message(LINK)
    last = bytes([link[0] & 0x7F]) + link[1:]
    assert loyalty_reference(broken_wifi + last) == "LINK-1"


@given(st.text(max_size=200))
def test_a_normalised_reference_is_its_own_normal_form(raw):
    try:
        clean = normalise(raw)
    except CardError:
        return
    assert normalise(clean) == clean
    assert 0 < len(clean) <= 64
    assert clean.isprintable()


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"\xd1", "ndef-malformed"),
        (record(b"U", b"\x04\xff\xfe"), "ndef-malformed"),
        (record(b"U", b"\x04[bad/l/x"), "ndef-malformed"),
        (record(b"Sp", b"\xd1\x01"), "ndef-malformed"),
        (record(b"poi:loyalty", b"\xff", tnf=4), "bad-reference"),
        (record(b"poi:loyalty", b"", tnf=4), "bad-reference"),
        (link_message("%ff").replace(b"%25", b"%"), "ndef-malformed"),
        (link_message("\0"), "bad-reference"),
        (record(b"T", b"\x02en\0"), "bad-reference"),
        (bytes(MAX_MESSAGE + 1), "ndef-too-large"),
    ],
)
def test_a_malformed_message_is_refused_with_its_code(octets, code):
    with pytest.raises(CardError) as refusal:
        loyalty_reference(octets)
    assert refusal.value.code == code


def test_posters_within_posters_are_not_followed():
    octets = link_message("DEEP")
    while len(octets) < MAX_MESSAGE - 20:
        octets = record(b"Sp", octets)
    assert loyalty_reference(octets) is None


def test_a_card_of_type_b_and_a_random_number_are_no_identity():
    for card in (
        CardRead(b"\x01\x02\x03\x04", "type4b", None),
        CardRead(b"\x08\x02\x03\x04", "type2", None),
        CardRead(bytes.fromhex("01fe010203040506"), "type3", None),
    ):
        with pytest.raises(CardError) as refusal:
            tap_of(card, source="r", seen_at=1.0)
        assert refusal.value.code == "random-uid"
    with pytest.raises(CardError, match="without a number"):
        tap_of(CardRead(b"", "other-a", None), source="r", seen_at=1.0)


@st.composite
def mutated(draw):
    """A good message with some octets changed, removed or added."""
    octets = bytearray(draw(st.sampled_from([message(LINK), message(TEXT, OURS, LINK), POSTER])))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(octets) - 1, 0)))
        octets[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(octets)


POSTER = message(ndef.SmartposterRecord("https://shop.example/l/POSTER", {"en": "Card", "fr": "Carte"}))


@settings(max_examples=1500, deadline=None)
@given(octets=mutated())
def test_a_mutated_message_gives_a_reference_none_or_a_card_error(octets):
    try:
        reference = loyalty_reference(octets)
    except CardError as error:
        assert error.code in {"ndef-malformed", "bad-reference"}
    else:
        assert reference is None or reference == normalise(reference)
