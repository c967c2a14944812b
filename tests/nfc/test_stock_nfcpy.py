"""Evidence from outside: nfcpy's own tag classes read our cards, and our reader reads nfcpy's own card."""

import asyncio
import contextlib
import socket
import threading

import nfc.tag
import pytest
from nfc.clf import CommunicationError, ContactlessFrontend, LocalTarget, RemoteTarget
from nfc.clf.udp import Device

from poi_nfc.drivers.udp_device import UdpDevice
from poi_nfc.emulator import Faults, LoyaltyCard
from poi_nfc.emulator.loyalty import link_message

DEAF_SECONDS, ATTEMPTS = 12, 4
IDM, PMM = bytes.fromhex("02fe010203040506"), bytes(8)


def read_with_stock_nfcpy(path):
    """Sense, activate and read by nfcpy's own code; return the class, the number and the link."""
    _, host, port = path.split(":")
    frontend = ContactlessFrontend()
    frontend.device = UdpDevice(host, int(port), lambda: False)
    try:
        tag = nfc.tag.activate(frontend, frontend.sense(RemoteTarget("106A")))
        assert tag.ndef is not None
        return type(tag).__name__, tag.identifier, tag.ndef.records[0].iri, tag.is_present
    finally:
        frontend.close()


@pytest.mark.parametrize(
    ("card", "name"),
    [
        (LoyaltyCard.type2("MARIE-0042"), "NTAG213"),
        (LoyaltyCard.type4("MARIE-0042"), "Type4ATag"),
        (LoyaltyCard.type4("MARIE-0042", faults=Faults(chunk=5)), "Type4ATag"),
        (LoyaltyCard.type4("MARIE-0042", faults=Faults(extensions=2)), "Type4ATag"),
    ],
    ids=["type2", "type4", "chained", "extended"],
)
async def test_nfcpys_own_tag_classes_read_our_cards(field, card, name):
    field.put(card)
    read = await asyncio.to_thread(read_with_stock_nfcpy, field.path)
    assert read == (name, card.uid, "https://poi.example/l/MARIE-0042", True)


class LoopbackDevice(Device):
    """nfcpy's own simulated card, which would listen on every network otherwise."""

    def _bind_socket(self, time_to_return):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.addr)
        return True


def type3_memory(message):
    """Return the blocks of a Type 3 card: the attribute block, then the message."""
    head = b"\x10\x04\x01\x00\x0d" + bytes(4) + b"\x00\x00" + len(message).to_bytes(3, "big")
    octets = head + sum(head).to_bytes(2, "big") + message + bytes(-len(message) % 16)
    return [octets[at : at + 16] for at in range(0, len(octets), 16)]


def be_a_card(port, message, stop):
    """Emulate a Type 3 card by nfcpy's own code until told to stop."""
    blocks = type3_memory(message)
    frontend = ContactlessFrontend()
    frontend.device = LoopbackDevice("127.0.0.1", port)
    sensf = bytearray(b"\x01" + IDM + PMM + b"\x12\xfc")
    while not stop.is_set():
        target = frontend.listen(LocalTarget("212F", sensf_res=sensf), timeout=1.0)
        if target is None:
            continue
        tag = nfc.tag.emulate(frontend, target)
        tag.add_service(0x000B, lambda number, *_: blocks[number] if number < len(blocks) else None, None)
        command = tag.cmd
        try:
            while not stop.is_set():
                command = tag.send_response(tag.process_command(command), timeout=0.5)
        except CommunicationError:
            continue
    frontend.close()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def tap_of_type3(watch, message):
    """Read a Type 3 card, past the times when nfcpy's listener is deaf because it binds its port anew."""
    port, stop = free_port(), threading.Event()
    card = threading.Thread(target=be_a_card, args=(port, message, stop), daemon=True)
    card.start()
    try:
        watched = watch(f"udp:127.0.0.1:{port}", retry_seconds=0.05)
        async with asyncio.timeout(DEAF_SECONDS):
            while (event := await watched.next()).tap is None:
                continue
        assert await watched.stop()
        return event
    finally:
        stop.set()
        await asyncio.to_thread(card.join, 20)


async def patiently(attempt):
    """Try again on another port: reader and listener can fall into step, so that each is deaf when the other speaks."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(TimeoutError):
            return await attempt()
    return await attempt()


async def test_our_reader_reads_nfcpys_own_type_3_card(watch):
    event = await patiently(lambda: tap_of_type3(watch, link_message("R" * 60)))
    assert (event.kind, event.tap.scheme, event.tap.subject) == ("tap", "ndef", "R" * 60)
    assert dict(event.tap.evidence) == {"tag": "type3"}
