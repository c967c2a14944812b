"""The block protocol carries every command once and every answer wholly, over a link that loses frames."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_nfc import type4
from poi_nfc.ats import Ats, parse_ats, waiting_seconds
from poi_nfc.card import read_card
from poi_nfc.emulator import Faults, IsoDepCard
from poi_nfc.emulator.loyalty import link_message
from poi_nfc.errors import CardError, CardLost, FrameError, FrameTimeout
from poi_nfc.isodep import IsoDep, activate_a

UID = bytes.fromhex("04a1b2c3d4e5f6")


class Echo:
    """An application that answers each command with its number and the command itself."""

    def __init__(self):
        self.heard = []

    def apdu(self, command):
        self.heard.append(command)
        return bytes([len(self.heard)]) + command

    def reset(self):
        pass


class DirectLink:
    """A selected card without a field between; `lost` says which frames get lost, one way or the other."""

    max_send = max_receive = 290

    def __init__(self, card, lost=()):
        self.card = card
        self.lost = iter(lost)
        self.paused = []
        for frame in ("26", "9320", "9370" + card._levels[0].hex(), "9520", "9570" + card._levels[1].hex()):
            assert card.answer(bytes.fromhex(frame))

    def exchange(self, frame, timeout):
        assert timeout > 0
        fate = next(self.lost, None)
        if fate == "command":
            raise FrameTimeout
        answer = self.card.answer(bytes(frame))
        if answer is None or fate == "answer":
            raise FrameTimeout
        if fate == "damaged":
            raise FrameError
        return answer

    def pause(self, seconds):
        self.paused.append(seconds)


class Scripted:
    """A card that answers by rote."""

    max_send = max_receive = 290

    def __init__(self, *answers):
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.heard = []

    def exchange(self, frame, timeout):
        self.heard.append(frame.hex())
        if not self.answers:
            raise FrameTimeout
        return self.answers.pop(0)

    def pause(self, seconds):
        pass


def echo_session(lost=(), **faults):
    card = IsoDepCard(UID, b"", Faults(**faults))
    card._application = Echo()
    link = DirectLink(card)
    session = activate_a(link)
    link.lost = iter(lost)
    return session, card._application


@pytest.mark.parametrize(
    ("answer", "ats"),
    [
        ("01", Ats(32, waiting_seconds(4), 0.0)),
        ("0200", Ats(16, waiting_seconds(4), 0.0)),
        ("0238", Ats(256, waiting_seconds(4), 0.0)),
        ("032781", Ats(128, waiting_seconds(8), waiting_seconds(1))),
        ("0578807002", Ats(256, waiting_seconds(7), 0.0)),
        ("067577810280", Ats(64, waiting_seconds(8), waiting_seconds(1))),
        ("057f80ff02", Ats(256, waiting_seconds(4), 0.0)),
    ],
)
def test_the_answer_to_select_is_read_with_its_defaults(answer, ats):
    assert parse_ats(bytes.fromhex(answer)) == ats


@pytest.mark.parametrize("answer", ["", "00", "0578", "ff"])
def test_an_answer_to_select_of_a_wrong_length_is_refused(answer):
    with pytest.raises(CardError) as refusal:
        parse_ats(bytes.fromhex(answer))
    assert refusal.value.code == "ats-malformed"


def test_the_guard_time_is_honoured():
    link = DirectLink(IsoDepCard(UID, b"", Faults(ats=bytes.fromhex("0578807802"))))
    activate_a(link)
    assert link.paused == [waiting_seconds(8)]


# never three losses in a row: that is a card that went away
LOSSES = st.lists(st.sampled_from(["command", "answer", "damaged"]), max_size=2).flatmap(
    lambda lost: st.integers(3, 9).map(lambda good: [*lost, *[None] * good])
)


@settings(max_examples=200, deadline=None)
@given(
    commands=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5),
    chunk=st.integers(1, 253),
    fsci=st.integers(0, 8),
    extensions=st.integers(0, 3),
    losses=st.lists(LOSSES, max_size=20),
)
def test_every_command_arrives_once_and_in_order_though_frames_get_lost(commands, chunk, fsci, extensions, losses):
    ats = bytes([0x05, 0x70 | fsci, 0x80, 0x70, 0x02])
    lost = [fate for some in losses for fate in some]
    session, application = echo_session(lost, ats=ats, chunk=chunk, extensions=extensions)
    answers = [session.transceive(command) for command in commands]
    assert application.heard == commands
    assert answers == [bytes([number]) + command for number, command in enumerate(commands, 1)]
    assert session.is_present()


@settings(max_examples=100, deadline=None)
@given(lost=st.lists(st.sampled_from(["command", "answer", "damaged", None]), max_size=40), size=st.integers(1, 300))
def test_under_any_loss_a_command_is_done_at_most_once_and_no_answer_is_wrong(lost, size):
    session, application = echo_session(lost, chunk=20)
    with suppress(CardLost):
        assert session.transceive(b"c" * size) == b"\x01" + b"c" * size
    assert application.heard in ([], [b"c" * size])


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (("f200",), "card-protocol-error"),
        (("f23c",), "card-protocol-error"),
        (("f2",), "card-protocol-error"),
        (("f201",) * 100, "too-slow"),
        (("03",), "card-protocol-error"),
        (("c2",), "card-protocol-error"),
        (("a3", "a3", "a3", "a3"), "torn"),
        (("a2",), "card-protocol-error"),
        (("129000", "13"), "card-protocol-error"),
        (("", "", ""), "torn"),
        ((), "torn"),
    ],
)
def test_a_card_that_breaks_the_protocol_is_refused(answers, code):
    with pytest.raises(CardError) as refusal:
        IsoDep(Scripted(*answers), Ats()).transceive(b"\x00\xa4\x00\x00")
    assert refusal.value.code == code


def test_an_answer_without_end_is_cut_off():
    class Endless(Scripted):
        def exchange(self, frame, timeout):
            return bytes([0x12 | frame[0] & 1]) + bytes(200)

    with pytest.raises(CardError, match="no end"):
        IsoDep(Endless(), Ats()).transceive(b"\x00\xa4\x00\x00")


def test_the_presence_check_leaves_a_session_as_it_is():
    session, application = echo_session()
    for number in range(1, 4):
        assert session.is_present()
        assert session.transceive(b"x") == bytes([number]) + b"x"
    assert not IsoDep(Scripted(), Ats()).is_present()
    assert application.heard == [b"x"] * 3


class Answers:
    """A card's application that answers APDUs by rote."""

    def __init__(self, *answers):
        self.answers = [bytes.fromhex(answer) for answer in answers]

    def transceive(self, apdu):
        return self.answers.pop(0)


CAPABILITY = "000f2000fa00340406e104010000ff9000"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (("90",), "card-protocol-error"),
        (("9000", "6a82"), "ndef-malformed"),
        (("9000", "9000", "000f20"), "ndef-malformed"),
        (("9000", "9000", CAPABILITY.replace("00fa", "0000")), "ndef-malformed"),
        (("9000", "9000", CAPABILITY.replace("0f20", "0f70")), "ndef-malformed"),
        (("9000", "9000", CAPABILITY.replace("0406", "0505")), "ndef-malformed"),
        (("9000", "9000", CAPABILITY, "6a82"), "ndef-malformed"),
        (("9000", "9000", CAPABILITY, "9000", "ffff9000"), "ndef-too-large"),
        (("9000", "9000", CAPABILITY, "9000", "00109000", "9000"), "ndef-malformed"),
        (("9000", "9000", CAPABILITY, "9000", "00029000", "0000009000"), "ndef-malformed"),
    ],
)
def test_a_broken_ndef_application_is_refused(answers, code):
    with pytest.raises(CardError) as refusal:
        type4.read_message(Answers(*answers))
    assert refusal.value.code == code


@pytest.mark.parametrize("answers", [("6a82",), ("9000", "9000", CAPABILITY.replace("00ff9000", "80ff9000"))])
def test_no_application_or_a_locked_file_is_no_message(answers):
    assert type4.read_message(Answers(*answers)) is None


def test_a_file_with_wide_sizes_is_read():
    capability = "00112000fa00340608e1040000010000ff9000"
    card = Answers("9000", "9000", capability[:30] + "9000", "00ff9000", "9000", "000000029000", "abcd9000")
    assert type4.read_message(card) == b"\xab\xcd"


class Chaos:
    """A card that says anything."""

    max_send = max_receive = 290

    def __init__(self, answers):
        self.answers = iter(answers)

    def exchange(self, frame, timeout):
        answer = next(self.answers, None)
        if not answer:
            raise FrameTimeout
        return answer

    def pause(self, seconds):
        pass


class Target:
    """What was sensed of it."""

    def __init__(self, brty, sak=b"", sensb=b"", sensf=b""):
        self.brty, self.sdd_res, self.sel_res, self.sensb_res, self.sensf_res = brty, UID, sak, sensb, sensf


LIKELY = st.one_of(
    st.binary(max_size=20),
    st.binary(max_size=20).map(lambda data: b"\x02" + data + b"\x90\x00"),
    st.binary(max_size=20).map(lambda data: b"\x03" + data + b"\x90\x00"),
    st.binary(min_size=16, max_size=16),
)


@settings(max_examples=300, deadline=None)
@given(
    answers=st.lists(LIKELY, max_size=60),
    target=st.sampled_from(
        [
            Target("106A", b"\x20"),
            Target("106A", b"\x00"),
            Target("106A"),
            Target("106B", sensb=bytes(12)),
            Target("106B", sensb=b"\x50"),
            Target("212F", sensf=bytes(17) + b"\x12\xfc"),
            Target("212F"),
        ]
    ),
)
def test_a_card_that_says_anything_is_read_or_refused_and_nothing_else(answers, target):
    try:
        read_card(Chaos(answers), target)
    except CardError as error:
        assert error.code


def test_the_session_reads_a_message_over_the_smallest_frames():
    card = IsoDepCard(UID, link_message("R" * 60), Faults(ats=bytes.fromhex("0570807002"), chunk=1))
    assert type4.read_message(activate_a(DirectLink(card))) == link_message("R" * 60)


class TypeBLink(DirectLink):
    """A Type 4 card that was selected the Type B way."""

    def exchange(self, frame, timeout):
        if frame[0] != 0x1D:
            return super().exchange(frame, timeout)
        assert bytes(frame) == bytes.fromhex("1d 01020304 00080100")
        assert self.card.answer(b"\xe0\x80")
        return b"\0"


def test_a_type_b_card_is_selected_by_its_number_and_read():
    link = TypeBLink(IsoDepCard(UID, link_message("MARIE-0042")))
    reading = read_card(link, Target("106B", sensb=bytes.fromhex("50 01020304 00000000 008170")))
    assert (reading.card.uid, reading.card.kind) == (b"\x01\x02\x03\x04", "type4b")
    assert reading.card.message == link_message("MARIE-0042")
    assert reading.present()
