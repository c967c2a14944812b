"""Addresses of storage, as the configuration writes them."""

from pathlib import Path
from urllib.parse import unquote

from poi_engine.errors import RequestError


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`."""
    path = unquote(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not path:
        raise RequestError("storage-url", f"{url[:80]!r} is no SQLite address: write sqlite:///FILE.")
    return Path(path)


def postgres_dsn(url: str) -> str:
    """The address for the PostgreSQL driver."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise RequestError("storage-url", "An SQL address starts with sqlite:/// or postgresql://.")
    return f"postgresql://{rest}"
