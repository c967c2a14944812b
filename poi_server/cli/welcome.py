"""What `serve` prints once it listens: where to look, how to come in, how to tap and scan without hardware."""

from __future__ import annotations

import hashlib
import io
import ssl
from collections.abc import Mapping

import segno

from poi_engine.setup import Station
from poi_server.app import STARTED
from poi_server.services import SERVICES
from poi_server.serving import Serving
from poi_server.tls import LOOPBACK_NAMES, machine_names

PINS_TITLE = "The demo's staff sign in at a station by PIN, shown this once:"


async def welcome(serving: Serving, pins: Mapping[str, str]) -> str:
    """The whole text; `pins` are those of a new demo shop's staff, by name."""
    services, started = serving.app[SERVICES], serving.app[STARTED]
    stations = await services.setup.stations(started.merchant_id)
    address = services.config.http.public_url.rstrip("/") or serving.base_url
    parts = [f"poi-server is open at {address}   (data in {started.folder})", _pages(address, stations)]
    if started.first_secret:
        parts.append(_first_secret(address, started.first_secret))
    if pins:
        parts.append(_pins(pins))
    parts.append(_without_hardware())
    if services.authority:
        reachable = _reachable(serving)
        invitation = await services.access.invite(started.merchant_id, "owner", "owner")
        parts.append(_trust(reachable, services.authority, f"{reachable}/pair#{invitation.secret}"))
    return "\n\n".join(parts) + "\n\nCtrl-C stops it."


def _pages(address: str, stations: list[Station]) -> str:
    rows = [("Sign in", f"{address}/")]
    rows += [(f"Station {station.name}", f"{address}/station/{station.station_id}") for station in stations]
    rows += [
        ("Dashboard", f"{address}/dashboard"),
        ("Offers", f"{address}/offers"),
        ("API reference", f"{address}/docs"),
    ]
    return "\n".join(f"  {name:<24} {url}" for name, url in rows)


def _first_secret(address: str, secret: str) -> str:
    return (
        f"  The owner's secret, shown this once:   {secret}\n"
        f"  Come in with one click:                {address}/#{secret}"
    )


def _pins(pins: Mapping[str, str]) -> str:
    rows = "\n".join(f"    {name:<22} {pin}" for name, pin in pins.items())
    return f"  {PINS_TITLE}\n{rows}"


def _without_hardware() -> str:
    return (
        "  Without hardware, in another terminal:\n"
        "    poi-server tap --card LOY-CAMILLE      a loyalty card at the counter\n"
        "    poi-server scan photo.png              a code in a picture"
    )


def _reachable(serving: Serving) -> str:
    names = [name for name in machine_names(serving.app[SERVICES].config.http.host) if name not in LOOPBACK_NAMES]
    addresses = [name for name in names if name[0].isdigit()] or names or ["127.0.0.1"]
    return f"https://{addresses[0]}:{serving.port}"


def _trust(address: str, authority: bytes, pairing_url: str) -> str:
    der = ssl.PEM_cert_to_DER_cert(authority.decode())
    digest = hashlib.sha256(der).hexdigest().upper()
    pairs = ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))
    picture = io.StringIO()
    segno.make_qr(pairing_url).terminal(out=picture, compact=True)
    return (
        f"  Phones and tablets: open {address}/ca.pem once and trust it; its SHA-256 fingerprint is\n    {pairs}\n"
        f"  then scan this code (it signs one device in as owner, works once, for 10 minutes):\n\n{picture.getvalue()}"
        f"    {pairing_url}"
    )
