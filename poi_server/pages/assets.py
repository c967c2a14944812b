"""The pages' static files, read once: content types, entity tags, and one version that names the whole set."""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from poi_server.i18n import LOCALE_FOLDER

PAGES_FOLDER = Path(__file__).parent
CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_COMPRESSED = frozenset({".css", ".js", ".json", ".svg"})


class Asset(Struct, frozen=True, kw_only=True):
    """One file: its bytes as they are and, for text, gzipped."""

    content_type: str
    etag: str
    body: bytes
    gzipped: bytes | None


class Assets(Struct, frozen=True, kw_only=True):
    """Every file by its path below `/static/<version>/`; the version changes with any byte of any file."""

    version: str
    files: Mapping[str, Asset]


def load_assets() -> Assets:
    """Read the files of the pages and the language catalogues."""
    paths = {path.relative_to(PAGES_FOLDER).as_posix(): path for path in sorted(PAGES_FOLDER.rglob("*"))}
    paths |= {f"locale/{path.name}": path for path in sorted(LOCALE_FOLDER.glob("*.json"))}
    files = {name: _asset(path) for name, path in paths.items() if path.suffix in CONTENT_TYPES}
    marks = "\n".join(f"{name} {asset.etag}" for name, asset in sorted(files.items()))
    return Assets(version=hashlib.sha256(marks.encode()).hexdigest()[:12], files=files)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(
        content_type=CONTENT_TYPES[path.suffix],
        etag=hashlib.sha256(body).hexdigest()[:16],
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSED else None,
    )
