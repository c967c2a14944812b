"""GS1: product codes, element strings and Digital Link addresses, down to the GTIN. No address is ever opened."""

import re
from collections.abc import Iterable

import biip
from biip.gs1_element_strings import GS1ElementString

from poi_qr.errors import PayloadError
from poi_qr.payloads.digits import gs1_valid, normal_gtin, valid_gtin
from poi_qr.payloads.model import Payload, facts

RETAIL = frozenset(("ean-13", "ean-8", "upc-a"))
_AIM = {"gs1-128": "]C1", "gs1-data-matrix": "]d2", "gs1-qr": "]Q3"}
_LINK = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?/(?:00|01)/\d{8,18}(?:[/?#]|$)", re.ASCII | re.IGNORECASE)
_EVIDENCE = {"10": "lot", "21": "serial", "17": "expiry", "15": "best-before", "37": "count", "02": "content"}


_CHECKED = ("00", "01", "02")  # identifiers whose last digit is a check digit


def is_element_string(symbology: str) -> bool:
    """True when the symbol was marked (FNC1) as carrying GS1 application identifiers."""
    return symbology in _AIM


def is_digital_link(text: str) -> bool:
    """True when the address has the shape of a GS1 Digital Link with a GTIN or SSCC."""
    return _LINK.match(text) is not None


def classify_digits(text: str) -> Payload:
    """A valid product code; numbers that a shop gives itself (prefix 2, 02, 04) say so in the evidence."""
    gtin = normal_gtin(text)
    return Payload("gtin", gtin, "identify", facts(range="restricted" if _restricted(gtin) else None))


def classify_retail(text: str, symbology: str) -> Payload:
    """The product code of an EAN or UPC symbol."""
    if not valid_gtin(text):
        raise PayloadError("bad-product-code", f"the {symbology} content has no right check digit")
    return classify_digits(text)


def classify_elements(text: str, symbology: str) -> Payload:
    """The GTIN or SSCC of an element string; other facts (lot, serial, dates) are evidence."""
    found = biip.parse(_AIM[symbology] + text).gs1_message if text.isascii() else None
    if found is None or not _sound(values := _values(found.element_strings)):
        raise PayloadError("bad-gs1-code", "the content is not a valid string of GS1 application identifiers")
    return _payload(values)


def classify_link(text: str) -> Payload:
    """The GTIN or SSCC of a GS1 Digital Link."""
    found = biip.parse(text).gs1_digital_link_uri if text.isascii() else None
    if found is None or not _sound(values := _values(found.element_strings)):
        raise PayloadError("bad-gs1-link", "the address is not a valid GS1 Digital Link")
    return _payload(values)


def _values(elements: Iterable[GS1ElementString]) -> dict[str, str]:
    return {element.ai.ai: element.value for element in elements}


def _sound(values: dict[str, str]) -> bool:
    return bool(values) and all(gs1_valid(values[ai]) for ai in _CHECKED if ai in values)


def _payload(values: dict[str, str]) -> Payload:
    evidence = tuple((name, values[ai]) for ai, name in _EVIDENCE.items() if ai in values)
    if "01" in values:
        found = classify_digits(values["01"])
        return Payload(found.scheme, found.subject, found.assurance, found.evidence + evidence)
    if "00" in values:
        return Payload("sscc", values["00"], "identify", evidence)
    subject = "".join(f"({ai}){value}" for ai, value in values.items())
    return Payload("gs1", subject, "identify", evidence)


def _restricted(gtin: str) -> bool:
    return gtin.startswith(("2", "02", "04")) if len(gtin) == 13 else len(gtin) == 8 and gtin.startswith(("0", "2"))
