"""A card laid on a reader becomes one tap; what cannot be read becomes one event that says why."""

import asyncio

import pytest

from poi_nfc.emulator import Card, Faults, IsoDepCard, LoyaltyCard, NtagCard
from poi_nfc.emulator.loyalty import chip_number, link_message, record

UID4 = bytes.fromhex("5a112233")
UID7 = bytes.fromhex("04a1b2c3d4e5f6")
UID10 = bytes.fromhex("04a1b2c3d4e5f6a7b8c9")


class Counted:
    """A card that knows how often it was asked."""

    def __init__(self, card):
        self.technology, self.delay = card.technology, card.delay
        self._card = card
        self._asked = 0
        self._enough = asyncio.Event()

    def power_off(self):
        self._card.power_off()

    def answer(self, frame):
        self._asked += 1
        if self._asked == 30:
            self._enough.set()
        return self._card.answer(frame)

    async def is_read(self):
        """Wait until it was read wholly and only its presence is asked for."""
        await self._enough.wait()


async def read_once(field, watch, card):
    """Lay a card on a fresh reader and return the event it causes."""
    watched = watch(field.path)
    await watched.expect("ready")
    field.put(card)
    event = await watched.next()
    field.remove()
    await watched.expect("gone")
    return event


async def subject_of(field, watch, card):
    event = await read_once(field, watch, card)
    assert event.kind == "tap", event
    return event.tap.scheme, event.tap.subject


@pytest.mark.parametrize("make", [LoyaltyCard.type2, LoyaltyCard.type4])
@pytest.mark.parametrize("reference", ["MARIE-0042", "Zoé d'Aÿ", "日本 7"])
async def test_a_loyalty_card_gives_its_reference(field, watch, make, reference):
    event = await read_once(field, watch, make(reference))
    assert event.reader == "counter-1"
    assert (event.tap.scheme, event.tap.subject) == ("ndef", reference)
    assert (event.tap.assurance, event.tap.source) == ("identify", "counter-1")
    assert dict(event.tap.evidence) == {"tag": "type2" if make is LoyaltyCard.type2 else "type4a"}


@pytest.mark.parametrize("uid", [UID4, UID7, UID10], ids=["4", "7", "10"])
async def test_every_length_of_chip_number_is_found(field, watch, uid):
    assert await subject_of(field, watch, IsoDepCard(uid, None)) == ("uid", uid.hex())


CARDS_WITH_THEIR_WAYS: dict[str, Card] = {
    "answers cut into small blocks": LoyaltyCard.type4("R" * 60, faults=Faults(chunk=7)),
    "commands cut into small blocks": LoyaltyCard.type4("R" * 60, faults=Faults(ats=bytes.fromhex("0570807002"))),
    "asks for more time": LoyaltyCard.type4("R" * 60, faults=Faults(extensions=3)),
    "asks for more time, and cuts": LoyaltyCard.type4("R" * 60, faults=Faults(extensions=2, chunk=9)),
    "reads a few bytes at a time": IsoDepCard(UID7, link_message("R" * 60), max_read=11),
    "ATS without timing": LoyaltyCard.type4("R" * 60, faults=Faults(ats=bytes.fromhex("0208"))),
    "ATS announces bytes it lacks": LoyaltyCard.type4("R" * 60, faults=Faults(ats=bytes.fromhex("0238"))),
    "ATS of one byte": LoyaltyCard.type4("R" * 60, faults=Faults(ats=b"\x01")),
    "ATS with guard time": LoyaltyCard.type4("R" * 60, faults=Faults(ats=bytes.fromhex("0578807802"))),
    "ATS with reserved values": LoyaltyCard.type4("R" * 60, faults=Faults(ats=bytes.fromhex("057f80ff02"))),
    "phone with peer-to-peer bit": LoyaltyCard.type4("R" * 60, faults=Faults(sak=0x60)),
    "answers late": LoyaltyCard.type4("R" * 60, faults=Faults(delay=0.03)),
    "memory answers late": LoyaltyCard.type2("R" * 60, faults=Faults(delay=0.03)),
}


@pytest.mark.parametrize("way", CARDS_WITH_THEIR_WAYS)
async def test_cards_with_ways_of_their_own_are_read(field, watch, way):
    assert await subject_of(field, watch, CARDS_WITH_THEIR_WAYS[way]) == ("ndef", "R" * 60)


@pytest.mark.parametrize("make", [LoyaltyCard.type2, LoyaltyCard.type4])
async def test_a_card_torn_from_the_field_and_back_is_read(field, watch, make):
    card = make("MARIE-0042", faults=Faults(tear_after=8, tears=1))
    assert await subject_of(field, watch, card) == ("ndef", "MARIE-0042")


async def test_a_card_that_keeps_falling_silent_is_torn(field, watch):
    card = LoyaltyCard.type4("MARIE-0042", faults=Faults(tear_after=8, tears=1000))
    event = await read_once(field, watch, card)
    assert (event.kind, event.code) == ("unreadable", "torn")


async def test_a_card_that_asks_for_time_without_end_is_too_slow(field, watch):
    event = await read_once(field, watch, LoyaltyCard.type4("A", faults=Faults(extensions=100_000)))
    assert (event.kind, event.code) == ("unreadable", "too-slow")


@pytest.mark.parametrize("sak", [0x08, 0x18, 0x09], ids=hex)
async def test_of_a_mifare_classic_card_only_the_number_is_read(field, watch, sak):
    card = IsoDepCard(UID4, link_message("never read"), Faults(sak=sak))
    assert await subject_of(field, watch, card) == ("uid", UID4.hex())


@pytest.mark.parametrize(
    "card",
    [
        NtagCard(UID7, None),
        NtagCard(UID7, b""),
        NtagCard(UID7, record(b"U", b"\x04poi.example/about")),
        NtagCard(UID7, record(b"T", b"\x02en" + b"a long text is prose and no reference " * 3)),
        IsoDepCard(UID7, None),
        IsoDepCard(UID7, b""),
    ],
    ids=["blank", "empty", "other link", "prose", "no application", "empty file"],
)
async def test_a_card_without_a_reference_is_known_by_its_number(field, watch, card):
    assert await subject_of(field, watch, card) == ("uid", UID7.hex())


async def test_a_random_number_is_never_an_identity(field, watch):
    event = await read_once(field, watch, IsoDepCard(bytes.fromhex("08c0ffee"), None))
    assert (event.kind, event.code, event.tap) == ("unreadable", "random-uid", None)


async def test_a_random_number_with_a_reference_is_that_reference(field, watch):
    card = IsoDepCard(bytes.fromhex("08c0ffee"), link_message("MARIE-0042"))
    assert await subject_of(field, watch, card) == ("ndef", "MARIE-0042")


@pytest.mark.parametrize("make", [NtagCard, IsoDepCard])
@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\xd1\x01\xff", "ndef-malformed"),
        (link_message("MARIE")[:-3], "ndef-malformed"),
        (record(b"T", b"\x02en\xff\xfe"), "ndef-malformed"),
        (record(b"poi:loyalty", b"A\0B", tnf=4), "bad-reference"),
        (link_message("x" * 65), "bad-reference"),
    ],
    ids=["length without end", "cut", "not UTF-8", "NUL", "too long"],
)
async def test_a_malformed_message_is_an_event_and_the_next_card_is_read(field, watch, make, message, code):
    watched = watch(field.path)
    await watched.expect("ready")
    field.put(make(UID7, message))
    assert (await watched.expect("unreadable")).code == code
    field.remove()
    await watched.expect("gone")
    field.put(LoyaltyCard.type2("MARIE-0042"))
    assert (await watched.tap()).subject == "MARIE-0042"


async def test_a_card_that_stays_is_one_tap(field, watch):
    watched = watch(field.path)
    await watched.expect("ready")
    await field.present(LoyaltyCard.type4("MARIE-0042"), 0.6)
    await watched.expect("tap", "gone")
    await field.present(LoyaltyCard.type4("PAUL-0007"), 0.3)
    assert (await watched.expect("tap")).tap.subject == "PAUL-0007"


async def test_the_same_credential_again_within_the_debounce_is_the_same_tap(field, watch):
    now = [100.0]
    watched = watch(field.path, debounce_seconds=1.5, monotonic=lambda: now[0])
    await watched.expect("ready")
    field.put(LoyaltyCard.type2("MARIE-0042"))
    assert (await watched.tap()).subject == "MARIE-0042"
    # another chip with the same reference is the same credential
    same = Counted(LoyaltyCard.type4("MARIE-0042"))
    field.put(same)
    await watched.expect("gone")
    await same.is_read()
    field.put(LoyaltyCard.type2("PAUL-0007"))
    assert (await watched.tap()).subject == "PAUL-0007"
    now[0] += 1.6
    field.put(LoyaltyCard.type2("MARIE-0042"))
    assert (await watched.expect("gone", "tap")).tap.subject == "MARIE-0042"


async def test_an_unreadable_card_that_flickers_is_told_once(field, watch):
    watched = watch(field.path, monotonic=lambda: 100.0)
    await watched.expect("ready")
    field.put(NtagCard(UID7, b"\xd1"))
    await watched.expect("unreadable")
    field.remove()
    await watched.expect("gone")
    again = Counted(NtagCard(UID7, b"\xd1"))
    field.put(again)
    await again.is_read()
    field.put(LoyaltyCard.type2("MARIE-0042"))
    assert (await watched.tap()).subject == "MARIE-0042"


async def test_a_card_put_in_the_place_of_another_is_another_tap(field, watch):
    watched = watch(field.path)
    await watched.expect("ready")
    for number in range(5):
        field.put(LoyaltyCard.type2(f"CARD-{number}"))
        assert (await watched.tap()).subject == f"CARD-{number}"
        field.put(LoyaltyCard.type4(f"PHONE-{number}"))
        assert (await watched.expect("gone", "tap")).tap.subject == f"PHONE-{number}"
        field.remove()
        await watched.expect("gone")


async def test_a_good_card_in_the_place_of_an_unreadable_one_is_read(field, watch):
    watched = watch(field.path)
    await watched.expect("ready")
    field.put(IsoDepCard(UID4, None, Faults(ats=b"\x00")))
    assert (await watched.expect("unreadable")).code == "ats-malformed"
    field.put(LoyaltyCard.type4("MARIE-0042"))
    assert (await watched.expect("gone", "tap")).tap.subject == "MARIE-0042"


async def test_two_readers_read_two_fields_at_once(field, watch):
    async with type(field)() as other:
        left, right = watch(field.path, name="left"), watch(other.path, name="right")
        await left.expect("ready")
        await right.expect("ready")
        for turn in range(10):
            field.put(LoyaltyCard.type2(f"LEFT-{turn}"))
            other.put(LoyaltyCard.type4(f"RIGHT-{turn}"))
            taps = await asyncio.gather(left.tap(), right.tap())
            assert [(tap.source, tap.subject) for tap in taps] == [
                ("left", f"LEFT-{turn}"),
                ("right", f"RIGHT-{turn}"),
            ]
            field.remove()
            other.remove()
            await left.expect("gone")
            await right.expect("gone")
        # a reader senses its own field before that field closes
        assert await right.stop()


def test_a_reference_has_always_the_same_chip_number():
    assert LoyaltyCard.type2("A").uid == LoyaltyCard.type2("A").uid == chip_number("type2", "A")
    assert len({LoyaltyCard.type2("A").uid, LoyaltyCard.type4("A").uid, LoyaltyCard.type2("B").uid}) == 3


def test_a_reference_too_long_for_the_chip_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        LoyaltyCard.type2("é" * 60)
