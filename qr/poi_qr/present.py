"""Codes that the counter shows: SVG pictures and the station's own address."""

from urllib.parse import urlsplit

import segno

from poi_qr.payloads.links import PAIRING_TOKEN, STATION_ID

QUIET_ZONE_MODULES = 4


def qr_svg(text: str, *, error: str = "q") -> str:
    """An inline SVG of `text` as a QR code of correction level `error` (l, m, q, h) or better, quiet zone included.

    It has presentation attributes only, no style: a strict Content-Security-Policy lets it through. Digits are packed
    in numeric mode, other text in UTF-8. It fills the box that the page gives it.
    """
    encoding = None if text.isascii() else "utf-8"
    code = segno.make_qr(text, error=error, encoding=encoding)
    return code.svg_inline(
        border=QUIET_ZONE_MODULES, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )


def station_url(base: str, station_id: str, token: str) -> str:
    """The address on the counter's screen: `<base>/c/<station>#<token>`; the fragment never reaches a server's log."""
    parts = urlsplit(base)
    if (
        parts.scheme not in ("http", "https")
        or base.rstrip("/") != f"{parts.scheme}://{parts.netloc}"
        or not parts.netloc
    ):
        raise ValueError("base must be http(s)://host[:port] and nothing more")
    if not STATION_ID.fullmatch(station_id):
        raise ValueError("station_id has 1 to 64 of A-Z a-z 0-9 _ -")
    if not PAIRING_TOKEN.fullmatch(token):
        raise ValueError("token has 1 to 128 of A-Z a-z 0-9 _ -")
    return f"{parts.scheme}://{parts.netloc}/c/{station_id}#{token}"
