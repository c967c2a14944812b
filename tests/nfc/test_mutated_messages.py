"""Whatever a card's memory holds, the reader tells one event, stays alive and reads the next card."""

import asyncio
import time
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from poi_nfc.drivers.nfcpy_driver import NfcpyReader
from poi_nfc.emulator import Field, IsoDepCard, LoyaltyCard, NtagCard
from poi_nfc.emulator.loyalty import link_message, record

UID = bytes.fromhex("04a1b2c3d4e5f6")
GOOD = [link_message("MARIE-0042"), record(b"poi:loyalty", b"MARIE", tnf=4), record(b"T", b"\x02enMARIE")]


@st.composite
def cards(draw):
    """A card whose message, or whose whole user memory, has some octets changed, removed or added."""
    octets = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    kind = draw(st.sampled_from(["type2", "type4", "memory"]))
    if kind == "type4":
        return IsoDepCard(UID, bytes(octets))
    card = NtagCard(UID, bytes(octets))
    if kind == "memory":
        card.memory = card.memory[:16] + bytes(octets).ljust(164, b"\0")
    return card


async def read_all(mutants):
    """Lay the cards on one running reader, one after the other, and return the events."""
    events = asyncio.Queue()
    emit = partial(asyncio.get_running_loop().call_soon_threadsafe, events.put_nowait)
    async with Field() as field:
        reader = NfcpyReader(field.path, name="r", emit=emit, clock=time.time, debounce_seconds=-1)
        reader.start()
        told = [await asyncio.wait_for(events.get(), 20)]
        for card in mutants:
            field.put(card)
            told.append(await asyncio.wait_for(events.get(), 20))
            field.remove()
            told.append(await asyncio.wait_for(events.get(), 20))
        assert await asyncio.to_thread(reader.stop, 20)
    return told


@settings(max_examples=8, deadline=None)
@given(mutants=st.lists(cards(), min_size=4, max_size=8))
def test_mutated_cards_never_end_the_thread(mutants):
    told = asyncio.run(read_all([*mutants, LoyaltyCard.type2("LAST")]))
    assert [event.kind for event in told[::2]] == ["ready"] + ["gone"] * (len(mutants) + 1)
    assert {event.kind for event in told[1::2]} <= {"tap", "unreadable"}
    assert told[-2].tap.subject == "LAST"
