"""Type A cards in the field: anticollision, and the Type 2 memory card NTAG213."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Protocol

REQA, WUPA, HALT = b"\x26", b"\x52", b"\x50\x00"
LEVELS = b"\x93\x95\x97"
CASCADE_TAG = b"\x88"
NAK = b"\x00"
NTAG213_PAGES = 45
NTAG213_VERSION = bytes.fromhex("0004040201000f03")
NTAG213_USER_BYTES = 144


class Card(Protocol):
    """What a field can hold."""

    technology: str
    delay: float

    def power_off(self) -> None:
        """Forget everything that power kept."""

    def answer(self, frame: bytes) -> bytes | None:
        """Return the answer to a frame, None for silence."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a card, for trials: nothing by default.

    `ats` and `sak` replace the regular ones; `tear_after` frames of one approach the card falls silent, in the first
    `tears` approaches; `delay` seconds pass before each answer; `extensions` times it asks for more time per command;
    `chunk` bytes at most go into one of its blocks.
    """

    ats: bytes | None = None
    sak: int | None = None
    tear_after: int | None = None
    tears: int = 1
    delay: float = 0.0
    extensions: int = 0
    chunk: int = 253


class TypeACard(ABC):
    """The part every Type A card shares: being found by its number and selected; subclasses answer what follows."""

    technology = "106A"

    def __init__(self, uid: bytes, sak: int, faults: Faults) -> None:
        if len(uid) not in (4, 7, 10):
            raise ValueError(f"a Type A number has 4, 7 or 10 bytes, not {len(uid)}")
        self.uid = uid
        self.faults = faults
        self.delay = faults.delay
        self._sak = sak if faults.sak is None else faults.sak
        self._levels = list(_levels(uid))
        self._tears_left = faults.tears if faults.tear_after is not None else 0
        self.power_off()

    def power_off(self) -> None:
        """Back to the state in which only a request is heard."""
        self._level: int | None = None
        self._frames = 0
        self._torn = False

    def answer(self, frame: bytes) -> bytes | None:
        """Answer a frame by the card's state."""
        if self._tear():
            return None
        if frame in (REQA, WUPA):
            self._level = 0
            return b"\x44\x00" if len(self.uid) > 4 else b"\x04\x00"
        if self._level is None:
            return None
        if self._level < len(self._levels):
            return self._anticollision(frame, self._level)
        if frame == HALT:
            self._level = None
            return None
        return self.selected(frame)

    @abstractmethod
    def selected(self, frame: bytes) -> bytes | None:
        """Answer a frame once the card is selected."""

    def refuse(self) -> bytes:
        """Answer NAK and wait for the next request, as such cards do."""
        self._level = None
        return NAK

    def _anticollision(self, frame: bytes, level: int) -> bytes | None:
        part = self._levels[level]
        command = LEVELS[level : level + 1]
        if frame == command + b"\x20":
            return part
        if frame != command + b"\x70" + part:
            self._level = None
            return None
        self._level = level + 1
        return bytes([self._sak if self._level == len(self._levels) else 0x04])

    def _tear(self) -> bool:
        self._frames += 1
        if self._torn:
            return True
        if self._tears_left and self._frames > (self.faults.tear_after or 0):
            self._tears_left -= 1
            self._torn = True
        return self._torn


def _levels(uid: bytes) -> Iterable[bytes]:
    while len(uid) > 4:
        yield with_check(CASCADE_TAG + uid[:3])
        uid = uid[3:]
    yield with_check(uid)


def with_check(part: bytes) -> bytes:
    """Return four bytes followed by their exclusive-or."""
    return part + bytes([reduce(xor, part)])


class NtagCard(TypeACard):
    """An NTAG213: 144 bytes of user memory that hold one NDEF message, write-protected."""

    def __init__(self, uid: bytes, message: bytes | None, faults: Faults | None = None) -> None:
        super().__init__(uid, 0x00, faults or Faults())
        self.memory = ntag213_memory(uid, b"" if message is None else message_tlv(message))
        if message is None:
            self.memory = self.memory[:12] + bytes(4) + self.memory[16:]

    def selected(self, frame: bytes) -> bytes | None:
        """Answer READ, FAST_READ, GET_VERSION and READ_SIG; anything else is refused."""
        if frame == b"\x60":
            return NTAG213_VERSION
        if frame == b"\x3c\x00":
            return bytes(32)
        if len(frame) == 2 and frame[0] == 0x30 and frame[1] < NTAG213_PAGES:
            wrapped = self.memory + self.memory
            return wrapped[frame[1] * 4 : frame[1] * 4 + 16]
        if len(frame) == 3 and frame[0] == 0x3A and frame[1] <= frame[2] < NTAG213_PAGES:
            return self.memory[frame[1] * 4 : frame[2] * 4 + 4]
        return self.refuse()


def ntag213_memory(uid: bytes, user: bytes) -> bytes:
    """Return the 45 pages of an NTAG213 with a 7-byte number and the given user memory."""
    if len(uid) != 7:
        raise ValueError("an NTAG213 has a number of 7 bytes")
    if len(user) > NTAG213_USER_BYTES:
        raise ValueError(f"{len(user)} bytes do not fit into the {NTAG213_USER_BYTES} of an NTAG213")
    first = with_check(CASCADE_TAG + uid[:3])[4:]
    second = with_check(uid[3:])[4:]
    head = uid[:3] + first + uid[3:] + second + b"\x48\xff\xff" + b"\xe1\x10\x12\x0f"
    tail = bytes.fromhex("000000bd 040000ff 00050000 00000000 00000000")
    return head + user.ljust(NTAG213_USER_BYTES, b"\0") + tail


def message_tlv(message: bytes) -> bytes:
    """Return an NDEF message as a Type 2 data area: the factory's lock TLV, the message, the terminator."""
    size = bytes([len(message)]) if len(message) < 255 else b"\xff" + len(message).to_bytes(2, "big")
    return b"\x01\x03\xa0\x0c\x34" + b"\x03" + size + message + b"\xfe"
