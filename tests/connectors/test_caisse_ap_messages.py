"""Caisse-AP on the wire: published requests and answers, pieces of any size, and everything that is no message."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.connectors.caisse_ap.fields import MOST_BYTES, MalformedAnswer, Reading, encoded
from poi_engine.connectors.caisse_ap.messages import Answered, Asked, answered

DEBIT = b"CZ0040300CJ012012345678901CA00201CB0041590CD0010CE003978BA0010"
PLAIN = b"CZ0040300CJ012247300123456CA00201CB0042500CD0010CE003978"
REFUSED = b"CZ0040300AE00201AF00204"
DONE = b"CZ0040300AE00210CB00205CD0010CE003978CA00201"


def read(*pieces: bytes) -> Reading:
    """The pieces, taken in."""
    reading = Reading()
    for piece in pieces:
        reading.feed(piece)
    return reading


def asked(amount: int = 1590) -> Asked:
    """A debit at till 01."""
    return Asked(action="debit", amount=amount, currency="EUR", till="01")


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (Asked(action="debit", amount=1590, currency="EUR", till="01", at_once=False), DEBIT),
        (Asked(action="debit", amount=2500, currency="EUR", till="01", protocol="247300123456"), PLAIN),
    ],
)
def test_published_requests_are_written_to_the_byte(request_: Asked, wire: bytes) -> None:
    assert encoded(request_.fields()) == wire


def test_cents_are_padded_to_two_digits_and_credits_say_so() -> None:
    fields = dict(Asked(action="credit", amount=5, currency="EUR", till="07").fields())
    assert (fields["CB"], fields["CD"], fields["CA"], fields["CE"]) == ("05", "1", "07", "978")


@pytest.mark.parametrize("wrong", [asked(0), asked(10**12), Asked(action="debit", amount=1, currency="XAU", till="01")])
def test_what_the_form_cannot_hold_is_refused_before_anything_is_sent(wrong: Asked) -> None:
    with pytest.raises(ValueError, match=r"digits|none of"):
        wrong.fields()


def test_published_answers_are_understood() -> None:
    assert answered(asked(), read(REFUSED).fields) == Answered(done=False, reason="refused")
    assert answered(asked(5), read(DONE).fields).amount == 5
    assert answered(asked(), {"CZ": "0300", "AE": "01", "AF": "06"}).reason == "abandoned"
    assert answered(asked(), {"CZ": "0300", "AE": "11"}).done is None


def test_a_card_number_never_leaves_and_its_facts_do() -> None:
    fields = {"CZ": "0300", "AE": "10", "CB": "1590", "AA": "4970101234567890", "AI": "A0000000421010", "CI": "2"}
    said = answered(asked(), fields)
    assert (said.facts.scheme, said.facts.bin, said.facts.entry_mode) == ("cb", "49701012", "contactless")
    assert "1234567890" not in repr(said)
    assert answered(asked(), {**fields, "AA": "497010******0014"}).facts.bin == "497010"


@pytest.mark.parametrize("tag", ["AE", "AF", "CA", "CB", "CD", "CE", "CI", "CC", "AI"])
def test_a_card_number_in_another_place_is_repeated_nowhere(tag: str) -> None:
    """What is wrong with an answer is stored with the payment and shown."""
    fields = {"CZ": "0300", "AE": "01" if tag == "AF" else "10", tag: "4970101234567890"}
    try:
        said = repr(answered(asked(), fields))
    except MalformedAnswer as error:
        said = error.message
    assert "49701012" not in said


@pytest.mark.parametrize(
    ("code", "scheme", "entry_mode"),
    [("00B", "cb", "contactless"), ("001", "cb", "chip"), ("10E", "conecs", "contactless"), ("zzz", None, None)],
)
def test_the_application_tells_of_the_card_where_nothing_else_does(
    code: str, scheme: str | None, entry_mode: str | None
) -> None:
    facts = answered(asked(), {"CZ": "0300", "AE": "10", "CC": code}).facts
    assert (facts.scheme, facts.entry_mode, facts.bin) == (scheme, entry_mode, None)


@pytest.mark.parametrize("tag", ["CA", "CD", "CE"])
def test_the_echo_is_compared_when_it_was_done_and_only_then(tag: str) -> None:
    other = {"CZ": "0300", tag: "9"}
    with pytest.raises(MalformedAnswer, match=tag):
        answered(asked(), {**other, "AE": "10"})
    assert answered(asked(), {**other, "AE": "01", "AF": "04"}).done is False


@given(st.lists(st.integers(1, len(DONE) - 1), max_size=8))
def test_a_message_may_come_in_pieces_of_any_size(cuts: list[int]) -> None:
    marks = [0, *sorted(set(cuts)), len(DONE)]
    reading = read(*(DONE[a:b] for a, b in pairwise(marks)))
    assert reading.whole
    assert reading.fields == read(DONE).fields


def test_a_message_is_whole_between_fields_only() -> None:
    whole = [count for count in range(1, len(REFUSED) + 1) if read(REFUSED[:count]).whole]
    assert whole == [9, 16, 23]


def test_line_ends_mean_nothing_and_a_version_begins_the_next_message() -> None:
    reading = read(b"\r\n", REFUSED, b"\r\n", DONE, b"\r\n")
    assert reading.whole
    assert reading.fields["AE"] == "10"
    assert "AF" not in reading.fields


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"CZ00X0300", "length is three digits"),
        (b"cz0040300", "two capital letters"),
        (b"AE00210", "comes first"),
        (REFUSED + b"AE00201", "AE comes twice"),
        (b"HTTP/1.1 400 Bad Request", "length is three digits"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(wire: bytes, why: str) -> None:
    with pytest.raises(MalformedAnswer, match=why):
        read(wire)


@pytest.mark.parametrize("wire", [b"CZ0040300AE00", b"CZ0040300AE00510"])
def test_what_is_cut_short_is_not_whole(wire: bytes) -> None:
    assert not read(wire).whole


def test_a_peer_that_does_not_stop_is_stopped() -> None:
    with pytest.raises(MalformedAnswer, match="longer"):
        read(b"CZ0040300", *(f"{chr(65 + n // 26)}{chr(65 + n % 26)}999".encode() + b"x" * 999 for n in range(70)))
    assert MOST_BYTES < 70 * 1004


@given(st.binary(max_size=60))
def test_noise_is_refused_or_waits_for_more(noise: bytes) -> None:
    try:
        reading = read(b"CZ0040300", noise)
    except MalformedAnswer as error:
        assert "byte" in error.message
    else:
        assert reading.fields["CZ"] is not None


@pytest.mark.parametrize("fields", [[("cz", "1")], [("C", "1")], [("CZX", "1")], [("AB", "x" * 1000)]])
def test_malformed_fields_are_not_written(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"tag|fit"):
        encoded(fields)
