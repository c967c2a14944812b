"""NFC Forum Type 3 cards (FeliCa): the NDEF message in their blocks."""

from poi_nfc.errors import CardError, FrameError, FrameTimeout
from poi_nfc.link import Link, exchange_again
from poi_nfc.ndef import MAX_MESSAGE

READ_TIMEOUT = 0.1
NDEF_SYSTEM = b"\x12\xfc"
BLOCK = 16


def is_present(link: Link, idm: bytes) -> bool:
    """Say whether the card still answers a poll for its own number."""
    for _ in range(2):
        try:
            return link.exchange(b"\x06\x00\xff\xff\x00\x00", READ_TIMEOUT)[2:10] == idm
        except (FrameTimeout, FrameError):
            continue
    return False


def read_message(link: Link, idm: bytes) -> bytes | None:
    """Return the NDEF message, or None if the attribute block says that there is none we can read."""
    attributes = _block(link, idm, 0)
    if sum(attributes[:14]) != int.from_bytes(attributes[14:], "big"):
        raise CardError("ndef-malformed", "the attribute block's checksum is wrong")
    if attributes[0] >> 4 != 1:
        return None
    size = int.from_bytes(attributes[11:14], "big")
    if size > MAX_MESSAGE:
        raise CardError("ndef-too-large", f"a message of {size} bytes; at most {MAX_MESSAGE} are read")
    blocks = (_block(link, idm, 1 + number) for number in range(-(-size // BLOCK)))
    return b"".join(blocks)[:size]


def _block(link: Link, idm: bytes, number: int) -> bytes:
    # Read Without Encryption of one block of the read-only NDEF service 000B, block number in three bytes
    body = b"\x06" + idm + b"\x01\x0b\x00\x01\x00" + number.to_bytes(2, "little")
    answer = exchange_again(link, bytes([len(body) + 1]) + body, READ_TIMEOUT)
    if len(answer) != 13 + BLOCK or answer[1] != 0x07 or answer[2:10] != idm or answer[10:12] != b"\x00\x00":
        raise CardError("ndef-malformed", f"block {number} cannot be read")
    return answer[13:]
