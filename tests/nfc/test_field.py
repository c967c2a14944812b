"""The field presents cards in turn, on loopback only, and hears nothing but frames."""

import asyncio
import socket

import pytest

from poi_nfc.emulator import Field, LoyaltyCard


class Probe:
    """A bare socket that speaks to a field as a reader's radio would."""

    def __init__(self, field):
        host, port = field.path.split(":")[1:]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((host, int(port)))

    async def ask(self, datagram):
        self.socket.send(datagram)
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 2048), 10)


@pytest.fixture
def probe(field):
    opened = Probe(field)
    yield opened
    opened.socket.close()


async def test_an_empty_field_answers_at_once_with_the_technology_alone(probe):
    assert await probe.ask(b"106A 26") == b"106A"
    assert await probe.ask(b"212F 0600ffff0100") == b"212F"


async def test_a_card_answers_in_its_own_technology_only(field, probe):
    field.put(LoyaltyCard.type2("A"))
    assert await probe.ask(b"106B 050010") == b"106B"
    assert await probe.ask(b"106A 26") == b"106A 4400"


async def test_what_is_no_frame_is_not_answered(field, probe):
    field.put(LoyaltyCard.type2("A"))
    for junk in (b"", b"106A", b"106A zz", b"\xff\xfe 26", b"RFOFF", b"106A 2", b" "):
        probe.socket.send(junk)
    assert await probe.ask(b"106A 26") == b"106A 4400"


async def test_a_field_switched_off_lets_the_card_forget(field, probe):
    field.put(LoyaltyCard.type2("A"))
    assert await probe.ask(b"106A 26") == b"106A 4400"
    uid = LoyaltyCard.type2("A").uid
    level = await probe.ask(b"106A 9320")
    assert bytes.fromhex(level.split()[1].decode())[:4] == b"\x88" + uid[:3]
    probe.socket.send(b"RFOFF")
    probe.socket.send(b"106A 9520")
    assert await probe.ask(b"106A 52") == b"106A 4400"


async def test_the_port_is_on_loopback_and_stays_the_same(field):
    path = field.path
    assert path.startswith("udp:127.0.0.1:")
    field.close()
    await field.open()
    assert field.path == path


async def test_a_port_in_use_is_an_os_error(field):
    with pytest.raises(OSError, match="in use"):
        await Field(port=int(field.path.split(":")[2])).open()


async def test_cards_are_presented_in_turn(field, watch):
    watched = watch(field.path)
    await watched.expect("ready")
    first, second = LoyaltyCard.type2("FIRST"), LoyaltyCard.type4("SECOND")
    waiting = [asyncio.create_task(field.present(card, 3)) for card in (first, second)]
    assert (await watched.tap()).subject == "FIRST"
    assert field.card is first
    assert (await watched.expect("gone", "tap")).tap.subject == "SECOND"
    waiting[1].cancel()
    await asyncio.wait(waiting)
    assert field.card is None
    await watched.expect("gone")
