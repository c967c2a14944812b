"""NFC Forum Type 4 cards and phones: the NDEF message in their NDEF application."""

from dataclasses import dataclass
from typing import Protocol

from poi_nfc.errors import CardError
from poi_nfc.ndef import MAX_MESSAGE

NDEF_APPLICATION = bytes.fromhex("d2760000850101")
CAPABILITY_FILE = b"\xe1\x03"
OK = b"\x90\x00"
MAX_READ = 255


class Apdus(Protocol):
    """Anything that carries an APDU to a card and its answer back."""

    def transceive(self, apdu: bytes) -> bytes:
        """Return the card's answer, status word included."""


@dataclass(frozen=True, slots=True)
class _NdefFile:
    identifier: bytes
    max_read: int
    length_size: int


def read_message(card: Apdus) -> bytes | None:
    """Return the NDEF message, or None if the card has no readable NDEF application."""
    select = b"\x00\xa4\x04\x00" + bytes([len(NDEF_APPLICATION)]) + NDEF_APPLICATION + b"\x00"
    if not _answer(card, select)[1]:
        return None
    file = _capability(card)
    if file is None:
        return None
    _select(card, file.identifier)
    size = int.from_bytes(_read(card, 0, file.length_size), "big")
    if size > MAX_MESSAGE:
        raise CardError("ndef-too-large", f"a message of {size} bytes; at most {MAX_MESSAGE} are read")
    message = bytearray()
    while len(message) < size:
        message += _read(card, file.length_size + len(message), min(file.max_read, size - len(message)))
    return bytes(message)


def _capability(card: Apdus) -> _NdefFile | None:
    _select(card, CAPABILITY_FILE)
    data = _read(card, 0, 15)
    if len(data) < 15 or data[2] >> 4 not in (1, 2, 3):
        raise CardError("ndef-malformed", f"capability container {data.hex()}")
    max_read = min(int.from_bytes(data[3:5], "big"), MAX_READ)
    wide = data[7:9] == b"\x06\x08"
    if max_read < 1 or not (wide or data[7:9] == b"\x04\x06"):
        raise CardError("ndef-malformed", f"capability container {data.hex()}")
    if wide:
        data += _read(card, 15, 2)
    return None if data[15 if wide else 13] else _NdefFile(data[9:11], max_read, 4 if wide else 2)


def _select(card: Apdus, identifier: bytes) -> None:
    if not _answer(card, b"\x00\xa4\x00\x0c\x02" + identifier)[1]:
        raise CardError("ndef-malformed", f"file {identifier.hex()} cannot be selected")


def _read(card: Apdus, offset: int, size: int) -> bytes:
    data, good = _answer(card, b"\x00\xb0" + offset.to_bytes(2, "big") + bytes([size]))
    if not good or not 0 < len(data) <= size:
        raise CardError("ndef-malformed", f"reading {size} bytes at {offset} gave {len(data)}")
    return data


def _answer(card: Apdus, apdu: bytes) -> tuple[bytes, bool]:
    answer = card.transceive(apdu)
    if len(answer) < 2:
        raise CardError("card-protocol-error", "an answer without a status word")
    return answer[:-2], answer[-2:] == OK
