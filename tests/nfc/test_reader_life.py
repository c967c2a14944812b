"""A reader's thread lives through losses, tells of them once, and ends when asked."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from poi_nfc.drivers.nfcpy_driver import NfcpyReader
from poi_nfc.emulator import Field, LoyaltyCard
from poi_nfc.errors import ReaderUnavailable


async def test_a_reader_that_is_unplugged_and_plugged_in_again_reads_on(field, watch):
    watched = watch(field.path, retry_seconds=0.05)
    await watched.expect("ready")
    for turn in range(3):
        field.close()
        lost = await watched.expect("lost")
        assert lost.code == "no-reader"
        assert field.path in lost.detail
        await field.open()
        await watched.expect("ready")
        field.put(LoyaltyCard.type4(f"CARD-{turn}"))
        assert (await watched.tap()).subject == f"CARD-{turn}"
        field.remove()
        await watched.expect("gone")


async def test_a_reader_unplugged_with_a_card_on_it_reads_on(field, watch):
    watched = watch(field.path, retry_seconds=0.05)
    await watched.expect("ready")
    field.put(LoyaltyCard.type2("MARIE-0042"))
    await watched.expect("tap")
    field.close()
    await watched.expect("lost")
    await field.open()
    field.put(LoyaltyCard.type2("PAUL-0007"))
    await watched.expect("ready", "tap")


async def test_a_reader_that_is_absent_at_the_start_is_told_once_and_found_later(watch):
    field = Field()
    await field.open()
    field.close()
    watched = watch(field.path, retry_seconds=0.01)
    assert (await watched.expect("lost")).code == "no-reader"
    await asyncio.sleep(0.1)
    await field.open()
    await watched.expect("ready")
    assert await watched.stop()
    field.close()


@pytest.mark.parametrize("path", ["usb:fffe:fffe", "tty:S250:pn532"])
async def test_real_buses_without_a_reader_are_a_clear_loss(watch, path):
    watched = watch(path)
    assert (await watched.expect("lost")).code == "no-reader"
    assert await watched.stop()
    await watched.expect("stopped")


@pytest.mark.parametrize(
    "card", [None, LoyaltyCard.type2("A"), LoyaltyCard.type4("A")], ids=["empty", "type2", "type4"]
)
async def test_a_reader_stops_when_asked_and_can_be_asked_twice(field, watch, card):
    watched = watch(field.path)
    await watched.expect("ready")
    if card is not None:
        field.put(card)
        await watched.expect("tap")
    assert await asyncio.to_thread(watched.reader.stop)
    assert not watched.reader.is_alive
    await watched.expect("stopped")
    assert await asyncio.to_thread(watched.reader.stop)


async def test_a_reader_stops_though_its_field_is_silent(watch):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    watched = watch("udp:127.0.0.1:{}".format(transport.get_extra_info("sockname")[1]))
    assert await asyncio.to_thread(watched.reader.stop)
    await watched.expect("stopped")
    transport.close()


async def test_stray_datagrams_are_no_frames(watch):
    class Babble(asyncio.DatagramProtocol):
        answers = (
            b"",
            b"RFOFF",
            b"106A zz",
            b"\xff\xff 00",
            b"106A 4",
            b"106A 4400",
            b"106A",
        )
        turn = 0
        enough = asyncio.Event()

        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            self.turn += 1
            if self.turn > 2 * len(self.answers):
                self.enough.set()
            self.transport.sendto(self.answers[self.turn % len(self.answers)], addr)

    loop = asyncio.get_running_loop()
    transport, babble = await loop.create_datagram_endpoint(Babble, local_addr=("127.0.0.1", 0))
    watched = watch("udp:127.0.0.1:{}".format(transport.get_extra_info("sockname")[1]), retry_seconds=0.01)
    await babble.enough.wait()
    assert watched.reader.is_alive
    assert await watched.stop()
    transport.close()


async def test_a_listener_that_fails_does_not_end_the_reader(field):
    seen = []
    tapped = threading.Event()

    def deaf(event):
        seen.append(event.kind)
        if event.kind == "tap":
            tapped.set()
        raise RuntimeError("Event loop is closed")

    reader = NfcpyReader(field.path, name="deaf", emit=deaf, clock=time.time)
    reader.start()
    field.put(LoyaltyCard.type2("MARIE-0042"))
    assert await asyncio.to_thread(tapped.wait, 20)
    assert reader.is_alive
    assert await asyncio.to_thread(reader.stop)
    assert seen[-1] == "stopped"


async def test_no_thread_and_no_socket_is_left_behind(field, watch):
    before = threading.active_count()
    readers = [watch(field.path, name=f"reader-{number}") for number in range(3)]
    for reader in readers:
        await reader.expect("ready")
    for reader in readers:
        assert await reader.stop()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("reader-reader-")]
    # the pool of to_thread may have grown by its own workers
    assert threading.active_count() - before <= len([name for name in names if name.startswith("asyncio")])


@pytest.mark.parametrize(
    "path", ["", "usb:zz", "udp:127.0.0.1", "udp::5", "udp:h:70000", "serial:1", "tty:../x", "usb\n"]
)
def test_a_path_of_no_known_form_is_refused_with_the_forms(path):
    with pytest.raises(ReaderUnavailable, match="known forms") as refusal:
        NfcpyReader(path, name="x", emit=print, clock=time.time)
    assert refusal.value.code == "bad-path"


@pytest.mark.parametrize("path", ["usb", "usb:054c", "usb:054c:06c3", "tty:USB0:pn532", "tty:AMA0", "com:3:pn532"])
def test_nfcpys_own_paths_are_taken(path):
    assert not NfcpyReader(path, name="x", emit=print, clock=time.time).is_alive


def run_without(module, code):
    """Run code in a fresh interpreter in which a module cannot be imported."""
    script = f"import sys; sys.modules[{module!r}] = None\n{code}"
    paths = [path for path in sys.path if path]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{script}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("module", ["nfc", "usb1"])
def test_without_nfcpy_or_libusb_start_says_what_to_install(module):
    code = """
import poi_nfc.emulator
from poi_nfc.drivers.nfcpy_driver import NfcpyReader
from poi_nfc.errors import ReaderUnavailable
try:
    NfcpyReader("usb", name="x", emit=print, clock=float).start()
except ReaderUnavailable as error:
    print(error.code, error)
"""
    done = run_without(module, code)
    assert done.stdout.startswith("no-nfcpy "), done.stderr
    assert "libusb-1.0-0" in done.stdout
    assert not done.stderr
