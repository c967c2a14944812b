"""The simulated reader takes no late answer for the next one's, and no stranger's at all."""

import socket

import pytest
from nfc.clf import TimeoutError as NfcTimeout

from poi_nfc.drivers.udp_device import UdpDevice


@pytest.fixture
def peer():
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", 0))
    opened.settimeout(10)
    yield opened
    opened.close()


@pytest.fixture
def device(peer):
    opened = UdpDevice(*peer.getsockname(), lambda: False)
    yield opened
    opened.close()


def test_a_late_answer_is_not_taken_for_the_next_ones(peer, device):
    device._send_data("106A", b"\x30\x00", device.addr)
    _, reader = peer.recvfrom(100)
    peer.sendto(b"106A aa", reader)
    peer.sendto(b"106A bb", reader)
    device._send_data("106A", b"\x30\x04", device.addr)
    assert peer.recvfrom(100)[0] == b"106A 3004"
    peer.sendto(b"106A cc", reader)
    assert device._recv_data(0.005, "106A") == ("106A", bytearray(b"\xcc"), device.addr)


def test_an_answer_of_another_technology_is_passed_over(peer, device):
    device._send_data("106B", b"\x05", device.addr)
    _, reader = peer.recvfrom(100)
    peer.sendto(b"106A 4400", reader)
    peer.sendto(b"106B 50", reader)
    assert device._recv_data(1.0, "106B")[1] == b"\x50"


def test_a_strangers_datagram_is_not_heard(peer, device):
    device._send_data("106A", b"\x26", device.addr)
    _, reader = peer.recvfrom(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"106A 4400", reader)
    with pytest.raises(NfcTimeout):
        device._recv_data(0.005, "106A")


def test_a_port_nobody_listens_on_is_an_error_and_no_silence(peer, device):
    peer.close()
    device._send_data("106A", b"\x26", device.addr)
    with pytest.raises(ConnectionRefusedError):
        device._recv_data(1.0, "106A")


def test_waiting_ends_when_the_reader_is_to_stop(peer):
    device = UdpDevice(*peer.getsockname(), lambda: True)
    device._send_data("106A", b"\x26", device.addr)
    with pytest.raises(NfcTimeout):
        device._recv_data(3600.0, "106A")
    device.close()
