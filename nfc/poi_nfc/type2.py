"""NFC Forum Type 2 cards (NTAG, Ultralight): the NDEF message in their memory."""

from poi_nfc.errors import CardError, CardLost, FrameError, FrameTimeout
from poi_nfc.link import Link, exchange_again
from poi_nfc.ndef import MAX_MESSAGE

READ_TIMEOUT = 0.05
PAGE, BLOCK, SECTOR = 4, 16, 1024
HEADER = 16
MAGIC, VERSION = 0xE1, 1
NULL, LOCKS, RESERVED, MESSAGE, TERMINATOR = 0x00, 0x01, 0x02, 0x03, 0xFE
MAX_TLVS = 32


class Refused(Exception):
    """The card answered READ with a NAK."""


class Type2Memory:
    """Read access to a card's memory by byte address, blockwise and each block once."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._blocks: dict[int, bytes] = {}

    def __getitem__(self, address: int) -> int:
        block = address // BLOCK
        if block not in self._blocks:
            self._blocks[block] = self._read(block)
        return self._blocks[block][address % BLOCK]

    def _read(self, block: int) -> bytes:
        if block * BLOCK >= SECTOR:
            raise CardError("ndef-too-large", "the card's memory goes beyond its first kilobyte")
        answer = exchange_again(self._link, bytes([0x30, block * BLOCK // PAGE]), READ_TIMEOUT)
        if len(answer) == 1:
            raise Refused
        if len(answer) != BLOCK:
            raise CardError("card-protocol-error", f"READ gave {len(answer)} bytes instead of {BLOCK}")
        return answer


def is_present(link: Link) -> bool:
    """Say whether the card still answers READ."""
    for _ in range(2):
        try:
            return len(link.exchange(b"\x30\x00", READ_TIMEOUT)) == BLOCK
        except (FrameTimeout, FrameError):
            continue
    return False


def read_message(link: Link) -> bytes | None:
    """Return the NDEF message, or None if the card is not formatted for NDEF."""
    memory = Type2Memory(link)
    try:
        if memory[12] != MAGIC or memory[13] >> 4 != VERSION or memory[15] >> 4:
            return None
    except Refused:
        return None
    try:
        return _Tlvs(memory, end=HEADER + memory[14] * 8).message()
    except Refused as error:
        raise CardLost("the card refused to be read in the middle") from error


class _Tlvs:
    """The chain of tag-length-value blocks in the data area."""

    def __init__(self, memory: Type2Memory, end: int) -> None:
        self._memory = memory
        self._at = HEADER
        self._end = end
        self._skip: set[int] = set()

    def message(self) -> bytes | None:
        for _ in range(MAX_TLVS):
            tag = NULL
            while tag == NULL:
                if self._at >= self._end:
                    return None
                tag = self._byte()
            if tag == TERMINATOR:
                return None
            value = self._value()
            if tag == MESSAGE:
                return value
            if tag in (LOCKS, RESERVED) and len(value) == 3:
                self._skip.update(_area(tag, value))
        raise CardError("ndef-malformed", f"more than {MAX_TLVS} blocks precede the message")

    def _value(self) -> bytes:
        length = self._byte()
        if length == 0xFF:
            length = self._byte() << 8 | self._byte()
        if length > MAX_MESSAGE:
            raise CardError("ndef-too-large", f"a block of {length} bytes; at most {MAX_MESSAGE} are read")
        return bytes(self._byte() for _ in range(length))

    def _byte(self) -> int:
        while self._at in self._skip:
            self._at += 1
        if self._at >= self._end:
            raise CardError("ndef-malformed", "a block reaches beyond the card's data area")
        value = self._memory[self._at]
        self._at += 1
        return value


def _area(tag: int, value: bytes) -> range:
    """Return the addresses that hold lock or reserved bytes instead of data."""
    start = (value[0] >> 4) * (1 << (value[2] & 0x0F)) + (value[0] & 0x0F)
    size = value[1] or 256
    return range(start, start + ((size + 7) // 8 if tag == LOCKS else size))
