"""nfcpy's simulated reader over UDP, made dependable: no stale answers, no endless waits, a dead field noticed."""

import select
import socket
import time
from collections.abc import Callable

from nfc.clf import BrokenLinkError, TimeoutError, TransmissionError
from nfc.clf.udp import Device

# the sender's scheduling delays are no part of the card's timing
MIN_WAIT = 0.25
SLICE = 0.05
MAX_DATAGRAM = 2048


class UdpDevice(Device):
    """A reader whose radio field is a UDP peer; `stopping` is asked while waiting, so that a stop takes at once."""

    def __init__(self, host: str, port: int, stopping: Callable[[], bool]) -> None:
        self.addr = (socket.gethostbyname(host), port)
        self.socket = None
        self._stopping = stopping
        self._path = f"udp:{host}:{port}"
        self._vendor_name, self._device_name, self._chipset_name = "Simulated", "field", "UDP"
        self._create_socket()

    def _create_socket(self) -> None:
        if self.socket is None:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            # connected: other senders are filtered out, and a port nobody listens on is an error instead of silence
            self.socket.connect(self.addr)
            self.sent_data = self.rcvd_data = 0

    def _send_data(self, brty: str, data: bytes | bytearray, addr: tuple[str, int]) -> None:
        peer = self._peer()
        self._drain(peer)
        datagram = f"{brty} {data.hex()}".strip().encode()
        if peer.send(datagram) != len(datagram):
            raise TransmissionError("the frame was cut short")
        self.sent_data += len(datagram)

    def _recv_data(self, timeout: float | None, *brty_list: str) -> tuple[str, bytearray, tuple[str, int]]:
        end = time.monotonic() + max(timeout or 0.0, MIN_WAIT)
        while (left := end - time.monotonic()) > 0 and not self._stopping():
            if not select.select([self._peer()], [], [], min(left, SLICE))[0]:
                continue
            brty, frame = _parse(self._peer().recv(MAX_DATAGRAM))
            if brty in brty_list:
                self.rcvd_data += len(frame)
                return brty, frame, self.addr
        raise TimeoutError("no data received")

    def _peer(self) -> socket.socket:
        if self.socket is None:
            raise BrokenLinkError("the field is off")
        return self.socket

    def _drain(self, peer: socket.socket) -> None:
        # datagrams bear no number: an answer that came too late would be taken for the next one's
        while select.select([peer], [], [], 0)[0]:
            peer.recv(MAX_DATAGRAM)


def _parse(datagram: bytes) -> tuple[str, bytearray]:
    if datagram.startswith(b"RFOFF"):
        raise BrokenLinkError("RFOFF")
    brty, _, payload = datagram.partition(b" ")
    if not payload:
        raise TransmissionError("no card in the field")
    try:
        return brty.decode("ascii"), bytearray.fromhex(payload.decode("ascii"))
    except ValueError as error:
        raise TransmissionError("not a frame") from error
