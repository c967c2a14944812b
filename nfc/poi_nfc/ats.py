"""The answer to select (ATS) of an ISO/IEC 14443-4 card."""

from dataclasses import dataclass

from poi_nfc.errors import CardError

FRAME_SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
CARRIER_HZ = 13.56e6
DEFAULT_FSCI = 2
DEFAULT_FWI = 4
MAX_FWI = 14


def waiting_seconds(index: int) -> float:
    """Return 256 * 16 / fc * 2^index: the frame waiting time or the start-up guard time, in seconds."""
    return 4096 / CARRIER_HZ * (1 << index)


@dataclass(frozen=True, slots=True)
class Ats:
    """What a card says of itself: frame size in bytes, waiting and guard time in seconds."""

    frame_size: int = FRAME_SIZES[DEFAULT_FSCI]
    frame_waiting: float = waiting_seconds(DEFAULT_FWI)
    guard: float = 0.0


def parse_ats(answer: bytes) -> Ats:
    """Read an ATS whose every interface byte is optional; defaults stand for what is absent, announced or not."""
    if not answer or answer[0] == 0 or answer[0] > len(answer):
        raise CardError("ats-malformed", f"the answer to select {answer.hex()} has a wrong length")
    body = answer[1 : answer[0]]
    if not body:
        return Ats()
    present = [bit for bit in (0x10, 0x20, 0x40) if body[0] & bit]
    interface = dict(zip(present, body[1:], strict=False))
    return _interpret(body[0] & 0x0F, interface.get(0x20))


def _interpret(fsci: int, timing: int | None) -> Ats:
    size = FRAME_SIZES[min(fsci, len(FRAME_SIZES) - 1)]
    if timing is None:
        return Ats(frame_size=size)
    fwi, sfgi = timing >> 4, timing & 0x0F
    # 15 is reserved: the standard says to act as if the default had been sent
    waiting = waiting_seconds(fwi if fwi <= MAX_FWI else DEFAULT_FWI)
    return Ats(size, waiting, waiting_seconds(sfgi) if 0 < sfgi <= MAX_FWI else 0.0)
