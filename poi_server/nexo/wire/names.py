"""The wire's names: `sale_to_poi_data` is `SaleToPOIData`; and the spellings of its constants."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

_WORDS = {"id": "ID", "poi": "POI", "poiid": "POIID", "ok": "OK", "xhtml": "XHTML", "pedok": "PEDOK"}


def wire_name(field: str) -> str:
    """The name that a field has in a message."""
    return "".join(_WORDS.get(word, word.capitalize()) for word in field.split("_"))


class Wire(Struct, frozen=True, kw_only=True, rename=wire_name, omit_defaults=True):
    """A part of a message; unknown fields are passed over, and what is absent is None."""


_ENTRY = {"Icc": "ICC", "Rfid": "RFID", "SynchronousIcc": "SynchronousICC"}
CONSTANTS: dict[str, dict[str, str]] = {
    "EntryMode": _ENTRY,
    "ForceEntryMode": _ENTRY,
    "IdentificationType": {"Pan": "PAN", "IsoTrack2": "ISOTrack2"},
    "MessageCategory": {"Pin": "PIN", "CardReaderApdu": "CardReaderAPDU"},
    "InfoQualify": {"PoiReplication": "POIReplication"},
    "OutputFormat": {"Xhtml": "XHTML"},
    "BarcodeType": {"Ean8": "EAN8", "Ean13": "EAN13", "Upca": "UPCA", "Qrcode": "QRCode"},
    "TotalDetails": {
        "OperatorId": "OperatorID",
        "Poiid": "POIID",
        "SaleId": "SaleID",
        "TotalsGroupId": "TotalsGroupID",
    },
    "UnitOfMeasure": {"UsGallon": "USGallon", "UkGallon": "UKGallon"},
}
"""Constants that libraries spell otherwise than the wire, by the fields that hold them; the wire's are sent."""


def respelled(value: Any, key: str = "") -> Any:
    """A decoded message without its nulls (they mean absent) and with the wire's spelling of each constant."""
    if isinstance(value, dict):
        return {name: respelled(part, name) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [respelled(part, key) for part in value if part is not None]
    if isinstance(value, str) and (known := CONSTANTS.get(key)):
        return known.get(value, value)
    return value


_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decode(content: bytes) -> Any:
    """JSON with its decimals exact: never through a binary float."""
    return _decoder.decode(content)


def encode(value: Any) -> bytes:
    """JSON of ASCII alone: some clients put the pieces of an answer together as text, byte by byte."""
    content = _encoder.encode(value)
    return content if content.isascii() else "".join(map(_escaped, content.decode())).encode("ascii")


def _escaped(letter: str) -> str:
    if letter.isascii():
        return letter
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
