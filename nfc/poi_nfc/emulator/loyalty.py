"""A shop's loyalty card, as it would be handed out: a link in a chip."""

from hashlib import sha256
from urllib.parse import quote

from poi_nfc.emulator.cards import Faults, NtagCard
from poi_nfc.emulator.isodep_card import IsoDepCard

DEFAULT_HOST = "poi.example"
NXP = b"\x04"
HTTPS = b"\x04"


class LoyaltyCard:
    """Makes emulated cards for a loyalty reference; the same reference always has the same chip number."""

    @staticmethod
    def type2(reference: str, *, host: str = DEFAULT_HOST, faults: Faults | None = None) -> NtagCard:
        """Return an NTAG213 card; `ValueError` if the reference is too long for its memory."""
        return NtagCard(chip_number("type2", reference), link_message(reference, host), faults)

    @staticmethod
    def type4(reference: str, *, host: str = DEFAULT_HOST, faults: Faults | None = None) -> IsoDepCard:
        """Return a Type 4A card."""
        return IsoDepCard(chip_number("type4", reference), link_message(reference, host), faults)


def chip_number(kind: str, reference: str) -> bytes:
    """Return a 7-byte number of the manufacturer NXP, derived from kind and reference."""
    return NXP + sha256(f"{kind}:{reference}".encode()).digest()[:6]


def link_message(reference: str, host: str = DEFAULT_HOST) -> bytes:
    """Return the NDEF message of one URI record `https://<host>/l/<reference>`."""
    return record(b"U", HTTPS + f"{host}/l/{quote(reference, safe='')}".encode())


def record(kind: bytes, payload: bytes, *, tnf: int = 1) -> bytes:
    """Return one NDEF record as a message of its own; `tnf` 1 is a well-known type, 4 an external one."""
    short = len(payload) < 256
    flags = 0xC0 | (0x10 if short else 0) | tnf
    size = len(payload).to_bytes(1 if short else 4, "big")
    return bytes([flags, len(kind)]) + size + kind + payload
