"""From a card in the field to what it tells, by its technology and protocol."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from poi_nfc import type2, type3, type4
from poi_nfc.credential import CardRead
from poi_nfc.errors import CardError
from poi_nfc.isodep import IsoDep, activate_a, activate_b
from poi_nfc.link import Link

ISO_DEP_BIT = 0x20
TYPE2_SAK = 0x00
Octets = bytes | bytearray


class Found(Protocol):
    """What sensing the field yields: bit rate with technology, and the card's answers of that technology."""

    @property
    def brty(self) -> str:
        """Bit rate and technology, such as 106A."""

    @property
    def sdd_res(self) -> Octets | None:
        """The Type A number."""

    @property
    def sel_res(self) -> Octets | None:
        """The Type A answer to select (SAK)."""

    @property
    def sensb_res(self) -> Octets | None:
        """The Type B answer, number included."""

    @property
    def sensf_res(self) -> Octets | None:
        """The Type F answer, number included."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A card that was read, and how to ask whether it is still there (None: only by sensing anew)."""

    card: CardRead
    present: Callable[[], bool] | None


def read_card(link: Link, found: Found) -> Reading:
    """Activate and read the card by its technology; `CardError` if that cannot be done."""
    if found.brty.endswith("B"):
        sensb = bytes(found.sensb_res or b"")
        return _read_type4(activate_b(link, sensb), sensb[1:5], "type4b")
    if found.brty.endswith("F"):
        return _read_type3(link, bytes(found.sensf_res or b""))
    return _read_type_a(link, bytes(found.sdd_res or b""), bytes(found.sel_res or b""))


def _read_type_a(link: Link, uid: bytes, sak: bytes) -> Reading:
    # phones add 0x40 for peer-to-peer; what counts is the ISO-DEP bit
    if sak and sak[0] & ISO_DEP_BIT:
        return _read_type4(activate_a(link), uid, "type4a")
    if sak and sak[0] == TYPE2_SAK:
        message = type2.read_message(link)
        return Reading(CardRead(uid, "type2", message), partial(type2.is_present, link))
    # MIFARE Classic and others of their own kind: only the number can be read
    return Reading(CardRead(uid, "other-a", None), None)


def _read_type4(session: IsoDep, uid: bytes, kind: str) -> Reading:
    return Reading(CardRead(uid, kind, type4.read_message(session)), session.is_present)


def _read_type3(link: Link, sensf: bytes) -> Reading:
    if len(sensf) < 17:
        raise CardError("card-protocol-error", "the Type F answer is too short")
    idm, system = sensf[1:9], sensf[17:19]
    message = type3.read_message(link, idm) if system == type3.NDEF_SYSTEM else None
    return Reading(CardRead(idm, "type3", message), partial(type3.is_present, link, idm))
