"""ISO-DEP: the half-duplex block protocol of ISO/IEC 14443-4, from the reader's side."""

from poi_nfc.ats import Ats, parse_ats, waiting_seconds
from poi_nfc.errors import CardError, CardLost, FrameError, FrameTimeout
from poi_nfc.link import RETRIES, Link, exchange_again

RATS_TIMEOUT = 0.1
# nfcpy's drivers and USB add their own latency to the card's frame waiting time
LATENCY = 0.05
MAX_ANSWER = 10_000
MAX_EXTENSIONS = 64
MAX_RESENDS = 3
MIN_WAITING = waiting_seconds(4)

I_BLOCK, R_ACK, R_NAK, S_WTX = 0x02, 0xA2, 0xB2, 0xF2
CHAINING = 0x10


def _is_i_block(pcb: int) -> bool:
    return pcb & 0xEE == I_BLOCK


def _is_r_ack(pcb: int) -> bool:
    return pcb & 0xFE == R_ACK


class IsoDep:
    """A block session with one card; `transceive` carries an APDU there and its answer back."""

    def __init__(self, link: Link, ats: Ats) -> None:
        self._link = link
        self._waiting = max(ats.frame_waiting, MIN_WAITING)
        # one byte of block header, two of checksum
        self._chunk = min(ats.frame_size, link.max_send) - 3
        self._number = 0

    def transceive(self, apdu: bytes) -> bytes:
        """Send an APDU in as many blocks as the card's frame size asks for and join the answer's blocks."""
        if not apdu:
            raise ValueError("an APDU has at least four bytes")
        chunks = [apdu[at : at + self._chunk] for at in range(0, len(apdu), self._chunk)]
        for chunk in chunks[:-1]:
            self._send_part(chunk)
        block = self._send_block(bytes([I_BLOCK | self._number]) + chunks[-1])
        return self._collect(block)

    def is_present(self) -> bool:
        """Ask with R(NAK), which any ISO-DEP card answers without touching its state."""
        try:
            answer = exchange_again(self._link, bytes([R_NAK | self._number]), self._waiting + LATENCY)
        except CardLost:
            return False
        return bool(answer)

    def _send_part(self, chunk: bytes) -> None:
        answer = self._send_block(bytes([I_BLOCK | CHAINING | self._number]) + chunk)
        if not _is_r_ack(answer[0]):
            raise CardError("card-protocol-error", f"block {answer[:1].hex()} came where a part waits for its R(ACK)")
        self._number ^= 1

    def _collect(self, block: bytes) -> bytes:
        answer = bytearray()
        while True:
            if not _is_i_block(block[0]):
                raise CardError("card-protocol-error", f"block {block[:1].hex()} came where an I-block was due")
            self._number ^= 1
            answer += block[1:]
            if not block[0] & CHAINING:
                return bytes(answer)
            if len(answer) > MAX_ANSWER or len(block) == 1:
                raise CardError("card-protocol-error", "the card's answer has no end")
            block = self._send_block(bytes([R_ACK | self._number]))

    def _send_block(self, block: bytes) -> bytes:
        """Return the card's block that bears our number; losses and extensions are dealt with on the way."""
        for _ in range(MAX_RESENDS):
            answer = self._extended(self._exchange(block))
            if answer[0] & 1 == self._number:
                return answer
            # R(ACK) with the other number: the card never saw our last block
            if not _is_r_ack(answer[0]):
                raise CardError("card-protocol-error", f"block {answer[:1].hex()} bears the wrong number")
        raise CardLost("the card keeps missing our blocks")

    def _exchange(self, block: bytes, timeout: float | None = None) -> bytes:
        wait = timeout or self._waiting + LATENCY
        # a lost answer to R(ACK) is asked for by the same R(ACK), any other by R(NAK)
        again = block if _is_r_ack(block[0]) else bytes([R_NAK | self._number])
        for attempt in range(1 + RETRIES):
            try:
                answer = self._link.exchange(again if attempt else block, wait)
            except (FrameTimeout, FrameError):
                continue
            if answer:
                return answer
        raise CardLost("the card fell silent during an exchange")

    def _extended(self, answer: bytes) -> bytes:
        for _ in range(MAX_EXTENSIONS):
            if answer[0] & 0xFE != S_WTX:
                return answer
            times = answer[1] & 0x3F if len(answer) > 1 else 0
            if not 1 <= times <= 59:
                raise CardError("card-protocol-error", "the card asks for an impossible waiting time")
            answer = self._exchange(bytes([S_WTX, times]), self._waiting * times + LATENCY)
        raise CardError("too-slow", "the card asks for more time without end")


def activate_a(link: Link) -> IsoDep:
    """Select the block protocol on a Type A card (RATS) and honour its guard time."""
    request = b"\xe0\x80" if link.max_receive >= 256 else b"\xe0\x50"
    try:
        answer = link.exchange(request, RATS_TIMEOUT)
    except (FrameTimeout, FrameError) as error:
        raise CardLost("no answer to select") from error
    ats = parse_ats(answer)
    link.pause(ats.guard)
    return IsoDep(link, ats)


def activate_b(link: Link, sensb: bytes) -> IsoDep:
    """Select the block protocol on a Type B card (ATTRIB) by its answer to the request."""
    if len(sensb) < 12:
        raise CardError("ats-malformed", "the answer to the Type B request is too short")
    size = b"\x08" if link.max_receive >= 256 else b"\x05"
    try:
        link.exchange(b"\x1d" + sensb[1:5] + b"\x00" + size + b"\x01\x00", RATS_TIMEOUT)
    except (FrameTimeout, FrameError) as error:
        raise CardLost("no answer to ATTRIB") from error
    # protocol info bytes 2 and 3 hold what T0 and TB hold in an ATS
    return IsoDep(link, parse_ats(bytes([3, 0x20 | sensb[10] >> 4, sensb[11] & 0xF0])))
