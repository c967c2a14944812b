"""From the bytes of a code to its meaning. Nothing here is verified, opened or fetched: `classify` only reads."""

import re
import unicodedata
from dataclasses import replace

from poi_qr import poi1
from poi_qr.errors import PayloadError
from poi_qr.payloads import emv_cpm, emv_mpm, epc, gs1, links
from poi_qr.payloads.cards import holds_card_number
from poi_qr.payloads.digits import valid_gtin
from poi_qr.payloads.model import Payload

__all__ = ["MAX_BYTES", "Payload", "PayloadError", "classify"]

MAX_BYTES = 4096
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_GROUP_SEPARATOR = "\x1d"
_TOKEN_LENGTHS = {63: 1, 193: 2}
_PROFILE_SHIFT = {63: 204, 193: 636}
_AID = re.compile(r"[A-F][0-9A-F]{9,31}")
_DIGITS = re.compile(r"\d+", re.ASCII)


def classify(data: bytes, symbology: str = "") -> Payload:
    """What the content of a code is, or a `PayloadError` that says what is wrong with it.

    `symbology` is a decoder's name (`qr`, `ean-13`, `code-128`, `gs1-128`, ...), empty when unknown.
    """
    if not data:
        raise PayloadError("empty", "the code holds nothing")
    if len(data) > MAX_BYTES:
        raise PayloadError("too-long", f"the code holds {len(data)} bytes; at most {MAX_BYTES} are read")
    return _guarded(_classify(data, symbology))


def _classify(data: bytes, symbology: str) -> Payload:
    if epc.PREFIX.match(data):
        return _checked_epc(data)
    text = _text(data, gs1.is_element_string(symbology))
    if _looks_like_token(text):
        return _token(text)
    if text.startswith(emv_cpm.PREFIX):
        return emv_cpm.classify(text)
    if text.startswith(emv_mpm.PREFIX):
        return emv_mpm.classify(text)
    return _product(text, symbology) or links.classify(text) or _plain(text)


def _text(data: bytes, elements: bool) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PayloadError("not-utf-8", f"the code's text is not UTF-8 (byte {error.start})") from error
    _refuse_hidden(text.replace(_GROUP_SEPARATOR, "") if elements else text)
    return text


def _refuse_hidden(text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    for character in text:
        if character in _BIDI:
            raise PayloadError("bidi-character", "the code holds a character that reverses how text is shown")
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            raise PayloadError("control-character", f"the code holds the control character U+{ord(character):04X}")


def _checked_epc(data: bytes) -> Payload:
    found = epc.classify(data)
    for _, value in found.evidence:
        _refuse_hidden(value)
    return found


def _looks_like_token(text: str) -> bool:
    profile = _TOKEN_LENGTHS.get(len(text))
    return profile is not None and bool(_DIGITS.fullmatch(text)) and int(text) >> _PROFILE_SHIFT[len(text)] == profile


def _token(text: str) -> Payload:
    if not poi1.is_token(text):
        raise PayloadError("unknown-token-profile", "this customer's code has a profile that is not accepted here")
    return Payload("poi1", text, "authenticate")


def _product(text: str, symbology: str) -> Payload | None:
    if gs1.is_element_string(symbology):
        return gs1.classify_elements(text, symbology)
    if gs1.is_digital_link(text):
        return gs1.classify_link(text)
    if symbology in gs1.RETAIL:
        return gs1.classify_retail(text, symbology)
    # Shops print loyalty numbers as plain Code 128; a product in Code 128 is marked as GS1-128.
    if symbology != "code-128" and valid_gtin(text):
        return gs1.classify_digits(text)
    return None


def _plain(text: str) -> Payload:
    scheme = "loyalty" if links.LOYALTY_REFERENCE.fullmatch(text) else "text"
    return Payload(scheme, text)


def _own_check(found: Payload) -> bool:
    """Whether the subject is of a form whose digits cannot be a card's: checked by its standard, or an EMV AID."""
    return found.scheme in ("poi1", "gtin", "sscc", "epc", "emv-cpm") or (
        found.scheme == "emv-mpm" and _AID.fullmatch(found.subject) is not None
    )


def _guarded(found: Payload) -> Payload:
    if not _own_check(found) and holds_card_number(found.subject):
        raise PayloadError("looks-like-a-card-number", "the code looks like a payment card's number; it was not kept")
    return replace(found, evidence=tuple(fact for fact in found.evidence if not holds_card_number(fact[1])))
