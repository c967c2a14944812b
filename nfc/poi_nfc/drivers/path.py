"""A reader's path: which driver, and which reader of it."""

import re
from dataclasses import dataclass

from poi_nfc.errors import ReaderUnavailable

USB = re.compile(r"usb(:[0-9a-fA-F]{1,4}){0,2}")
SERIAL = re.compile(r"(tty|com)(:[A-Za-z0-9-]+(:[a-z0-9]+)?)?")
UDP = re.compile(r"udp:([A-Za-z0-9.-]+):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class ReaderPath:
    """A checked path; `host` and `port` are those of a simulated field, port 0 for a real reader."""

    text: str
    host: str = ""
    port: int = 0


def parse_path(text: str) -> ReaderPath:
    """Check a path's form; `ReaderUnavailable` with the forms that are known if it is none of them."""
    if USB.fullmatch(text) or SERIAL.fullmatch(text):
        return ReaderPath(text)
    match = UDP.fullmatch(text)
    if match and 0 < int(match[2]) < 65536:
        return ReaderPath(text, match[1], int(match[2]))
    forms = "usb, usb:054c:06c3, tty:USB0:pn532, com:3:pn532, udp:127.0.0.1:54321"
    raise ReaderUnavailable("bad-path", f"{text!r} is not a reader's path; known forms: {forms}")
