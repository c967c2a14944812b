"""EMV merchant-presented codes: text objects of 2-digit id, 2-digit length in characters, and value."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from poi_qr.errors import PayloadError
from poi_qr.payloads.model import Payload, facts

PREFIX = "000201"
_CRC_TAG = "63"
_CRC_HEAD = "6304"
_NETWORKS = {
    **dict.fromkeys(("02", "03"), "visa"),
    **dict.fromkeys(("04", "05"), "mastercard"),
    **dict.fromkeys(("09", "10"), "discover"),
    **dict.fromkeys(("11", "12"), "amex"),
    **dict.fromkeys(("13", "14"), "jcb"),
    **dict.fromkeys(("15", "16"), "unionpay"),
}
_ACCOUNT_TEMPLATES = tuple(str(tag) for tag in range(26, 52))
_TEMPLATES = frozenset((*_ACCOUNT_TEMPLATES, "62", "64", *(str(tag) for tag in range(80, 100))))


@dataclass(frozen=True, slots=True)
class MerchantCode:
    """A parsed merchant-presented code: plain objects and templates by tag, in the code's own words."""

    values: Mapping[str, str]
    templates: Mapping[str, Mapping[str, str]]

    @property
    def dynamic(self) -> bool:
        """True when the code is made for one sale (tag 01 = 12)."""
        return self.values.get("01") == "12"


def parse(text: str) -> MerchantCode:
    """Check the CRC and take the objects apart; a duplicate or broken object is an error with its place."""
    _check_crc(text)
    objects = _objects(text, "")
    if next(reversed(objects)) != _CRC_TAG:
        raise PayloadError("bad-emv-code", "the CRC (63) is not the last object")
    templates = {tag: MappingProxyType(_objects(objects[tag], tag)) for tag in objects if tag in _TEMPLATES}
    values = {tag: value for tag, value in objects.items() if tag not in templates}
    return MerchantCode(MappingProxyType(values), MappingProxyType(templates))


def encode(values: Mapping[str, str], templates: Mapping[str, Mapping[str, str]]) -> str:
    """A code of these objects and templates by tag, in rising order, the CRC last; it is read back before it is given
    out."""
    whole = {**values, **{tag: _joined(objects) for tag, objects in templates.items()}}
    body = _joined({"00": "01", **whole}) + _CRC_HEAD
    text = body + f"{binascii.crc_hqx(body.encode(), 0xFFFF):04X}"
    parse(text)
    return text


def _joined(objects: Mapping[str, str]) -> str:
    if any(not 1 <= len(value) <= 99 for value in objects.values()):
        raise PayloadError("bad-emv-code", "an object has 1 to 99 characters")
    return "".join(f"{tag}{len(value):02}{value}" for tag, value in sorted(objects.items()))


def classify(text: str) -> Payload:
    """The payload of a merchant-presented code; its subject is the payment scheme it is for."""
    code = parse(text)
    additional = code.templates.get("62", {})
    evidence = facts(
        use="dynamic" if code.dynamic else "static",
        mcc=code.values.get("52"),
        currency=code.values.get("53"),
        amount=code.values.get("54"),
        country=code.values.get("58"),
        merchant_name=code.values.get("59"),
        city=code.values.get("60"),
        bill=additional.get("01"),
        loyalty_number=additional.get("04"),
        reference=additional.get("05"),
        terminal=additional.get("07"),
    )
    return Payload("emv-mpm", _scheme_of(code), "identify", evidence)


def _scheme_of(code: MerchantCode) -> str:
    guids = (code.templates[tag].get("00") for tag in _ACCOUNT_TEMPLATES if tag in code.templates)
    networks = (name for tag, name in _NETWORKS.items() if tag in code.values)
    return next((name for name in (*guids, *networks) if name), "unknown")


def _check_crc(text: str) -> None:
    if text[-8:-4] != _CRC_HEAD:
        raise PayloadError("bad-emv-code", "the code does not end with its CRC object (6304)")
    if f"{binascii.crc_hqx(text[:-4].encode(), 0xFFFF):04X}" != text[-4:].upper():
        raise PayloadError("bad-emv-crc", "the CRC at the end does not fit the content")


def _objects(text: str, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        head, path = text[place : place + 4], f"{where}/{place}"
        if len(head) < 4 or not (head.isascii() and head.isdigit()):
            raise PayloadError("bad-emv-code", f"no object header of four digits at {path}")
        tag, length = head[:2], int(head[2:])
        value = text[place + 4 : place + 4 + length]
        if len(value) < length or not length:
            raise PayloadError("bad-emv-code", f"object {tag} at {path} does not have the length it states")
        if tag in found:
            raise PayloadError("bad-emv-code", f"object {tag} appears twice, the second time at {path}")
        found[tag] = value
        place += 4 + length
    return found
