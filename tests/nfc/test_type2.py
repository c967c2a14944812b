"""The NDEF message in a memory card: found behind the control blocks, never beyond the data area."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_nfc import type2
from poi_nfc.errors import CardError, FrameTimeout


class Memory:
    """A card's bare memory; what lies beyond it is refused."""

    max_send = max_receive = 290

    def __init__(self, user, *, capability=None):
        self.reads = 0
        size = -(-len(user) // 8)
        header = bytes(12) + (capability or bytes([0xE1, 0x10, size, 0x00]))
        self.octets = header + user.ljust(size * 8, b"\0")

    def exchange(self, frame, timeout):
        assert frame[0] == 0x30
        self.reads += 1
        block = self.octets[frame[1] * 4 : frame[1] * 4 + 16]
        return block.ljust(16, b"\0") if block else b"\0"

    def pause(self, seconds):
        raise AssertionError("no pause is asked for")


def test_the_message_is_found_behind_padding_and_control_blocks():
    assert type2.read_message(Memory(b"\0\0\x01\x03\xa0\x0c\x34\xfd\x02ab\x03\x03xyz\xfe")) == b"xyz"


def test_a_message_of_more_than_254_bytes_has_a_long_length():
    message = bytes(range(256)) * 2
    assert type2.read_message(Memory(b"\x03\xff\x02\x00" + message + b"\xfe")) == message


@pytest.mark.parametrize("control", [b"\x01\x03\x1c\x18\x04", b"\x02\x03\x1c\x03\x04"], ids=["locks", "reserved"])
def test_reserved_bytes_in_the_middle_are_stepped_over(control):
    # three bytes at page 1 * 16 + 12 = 28 are none of the message's
    user = control + b"\x03\x08" + b"abcde" + b"\xff\xff\xff" + b"fgh" + b"\xfe"
    assert type2.read_message(Memory(user)) == b"abcdefgh"


@pytest.mark.parametrize(
    "memory",
    [
        Memory(b"\x03\x01x", capability=bytes(4)),
        Memory(b"\x03\x01x", capability=b"\xe1\x20\x01\x00"),
        Memory(b"\x03\x01x", capability=b"\xe1\x10\x01\xf0"),
        Memory(b"\xfe\x03\x01x"),
        Memory(bytes(64)),
        Memory(b""),
    ],
    ids=["unformatted", "other version", "read-protected", "terminated", "only padding", "no data area"],
)
def test_without_a_message_there_is_none(memory):
    assert type2.read_message(memory) is None


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (b"\x03\x50abc", "ndef-malformed"),
        (bytes(7) + b"\x03", "ndef-malformed"),
        (b"\x03\xff\x01", "ndef-malformed"),
        (b"\x03\xff\xff\xff", "ndef-too-large"),
        (b"\xfd\x00" * 40, "ndef-malformed"),
        (b"\x03\xff\x04\x00" + bytes(1030), "ndef-too-large"),
    ],
    ids=["too long", "no length", "half a length", "huge", "too many blocks", "beyond a kilobyte"],
)
def test_a_block_that_cannot_be_is_refused(user, code):
    with pytest.raises(CardError) as refusal:
        type2.read_message(Memory(user))
    assert refusal.value.code == code


def test_a_card_that_refuses_half_way_is_torn():
    memory = Memory(b"\x03\x40" + bytes(64))
    memory.octets = memory.octets[:32]
    with pytest.raises(CardError) as refusal:
        type2.read_message(memory)
    assert refusal.value.code == "torn"


def test_an_answer_of_a_wrong_size_is_refused():
    class Short(Memory):
        def exchange(self, frame, timeout):
            return b"\0" * 15

    with pytest.raises(CardError) as refusal:
        type2.read_message(Short(b""))
    assert refusal.value.code == "card-protocol-error"


def test_presence_survives_one_lost_frame_and_not_two():
    class Lossy(Memory):
        losses = 1

        def exchange(self, frame, timeout):
            if self.losses:
                self.losses -= 1
                raise FrameTimeout
            return super().exchange(frame, timeout)

    card = Lossy(b"")
    assert type2.is_present(card)
    card.losses = 2
    assert not type2.is_present(card)


@settings(max_examples=300, deadline=None)
@given(
    user=st.lists(
        st.one_of(
            st.binary(max_size=12),
            st.sampled_from([b"\x01\x03", b"\x02\x03", b"\x03", b"\x03\xff", b"\xfd\x02", b"\xfe", b"\0"]),
        ),
        max_size=40,
    ).map(b"".join)
)
def test_any_memory_is_read_or_refused_within_bounds(user):
    memory = Memory(user[:1800])
    try:
        message = type2.read_message(memory)
    except CardError as error:
        assert error.code in {"ndef-malformed", "ndef-too-large"}
    else:
        assert message is None or message in memory.octets or b"\x01\x03" in user or b"\x02\x03" in user
    assert memory.reads <= 64
