"""Read a QR code or barcode from a picture at a station, or pass on what a scanner typed."""

from __future__ import annotations

import argparse
from pathlib import Path

from poi_engine.errors import RequestError
from poi_server.cli.client import connect, show_session

EXAMPLES = """\
  poi-server scan photo.png
  poi-server scan --text 3017620422003 --station sta_01k9...
"""
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The picture or text, and where."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a PNG, JPEG or WebP picture")
    parser.add_argument("--text", help="instead of a picture: the line that a keyboard-wedge scanner would type")
    parser.add_argument("--station", metavar="ID", help="the station's id or name (default: the first)")


def run(options: argparse.Namespace) -> int:
    """Scan; 1 when nothing was read."""
    if (options.file is None) == (options.text is None):
        raise RequestError("what-to-scan", "Name a picture, or give --text.")
    client = connect(options)
    path = f"/v1/stations/{client.station(options.station)}/scan"
    if options.text is not None:
        seen = client.call("POST", path, {"text": options.text})
    else:
        seen = client.send("POST", f"{path}?still=1", _picture(options.file), _media_type(options.file))
    if not seen["seen"]:
        print("No code was found in the picture.")
        return 1
    print(f"read      {seen['scheme']}")
    show_session(seen["session"])
    return 0


def _picture(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RequestError("unreadable-file", f"{file} cannot be read: {error.strerror}.") from None


def _media_type(file: Path) -> str:
    found = _TYPES.get(file.suffix.lower())
    if found is None:
        raise RequestError("unknown-picture", f"{file.name}: only {', '.join(_TYPES)} pictures can be scanned.")
    return found
