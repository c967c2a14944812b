"""Addresses: our own station and loyalty links, and all others. No address is ever opened or trusted."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from poi_qr.payloads.model import Payload, facts

STATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
PAIRING_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
LOYALTY_REFERENCE = re.compile(r"[A-Za-z0-9-]{4,64}", re.ASCII)
_HTTP = re.compile(r"https?://[^\s]+", re.IGNORECASE)
_STATION = re.compile(r"(https?://[^/?#\s@]+)/c/([A-Za-z0-9_-]{1,64})#([A-Za-z0-9_-]{1,128})", re.ASCII)
_LOYALTY = re.compile(r"https?://[^/?#\s@]+/l/([A-Za-z0-9-]{4,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class StationLink:
    """The parts of a station's address; `token` pairs a phone once and belongs in no log."""

    origin: str
    station_id: str
    token: str


def parse_station(text: str) -> StationLink | None:
    """The parts of `https://host/c/<station>#<token>`, or None when it is something else."""
    match = _STATION.fullmatch(text)
    return StationLink(match[1], match[2], match[3]) if match else None


def classify(text: str) -> Payload | None:
    """The payload of an http(s) address, or None when it is none; the caller checks the host, which is evidence."""
    if not _HTTP.fullmatch(text):
        return None
    host = _host(text)
    if host is None:
        return None
    if station := parse_station(text):
        return Payload("station", station.station_id, "identify", facts(host=host))
    if loyalty := _LOYALTY.fullmatch(text):
        return Payload("loyalty", loyalty[1], "identify", facts(host=host))
    return Payload("url", text, "identify", facts(host=host))


def _host(text: str) -> str | None:
    try:
        return urlsplit(text).netloc.rpartition("@")[2].lower() or None
    except ValueError:
        return None
