"""Keyboard-wedge and serial scanners: one typed line becomes the bytes and symbology that `classify` wants."""

import re
from typing import NamedTuple

_AIM_PREFIX = re.compile(r"\]([A-Za-z])([0-9A-Za-z])")
_SYMBOLOGY = {
    "C0": "code-128",
    "C1": "gs1-128",
    "E0": "ean-13",
    "E4": "ean-8",
    "Q3": "gs1-qr",
    "d2": "gs1-data-matrix",
}
_FAMILY = {"C": "code-128", "Q": "qr", "d": "data-matrix"}


class WedgeLine(NamedTuple):
    """A cleaned line: `classify(*clean(line))`; `symbology` is empty when the scanner did not say it."""

    data: bytes
    symbology: str


def clean(line: str | bytes) -> WedgeLine:
    """Strip line ends and the AIM prefix (`]Q1`, `]E0`, ...) that scanners put before the content."""
    text = line.decode("utf-8", "surrogateescape") if isinstance(line, bytes) else line
    text = text.strip(" \t\r\n").replace("\r\n", "\n").replace("\r", "\n")
    match = _AIM_PREFIX.match(text)
    if match is None:
        return WedgeLine(_bytes(text), "")
    symbology = _SYMBOLOGY.get(match[1] + match[2]) or _FAMILY.get(match[1], "")
    return WedgeLine(_bytes(text[match.end() :]), symbology)


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
