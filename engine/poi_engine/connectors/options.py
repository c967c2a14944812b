"""A terminal's options as its connector reads them: each mistake with the path of the option and what is allowed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from poi_engine.errors import RequestError

T = TypeVar("T")
_MOST_SECRET = 4096


def options_of(kind: type[T], station: str, options: Mapping[str, object]) -> T:
    """The options as a Struct. Raises `RequestError` with the option's path."""
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        option = path.strip("`").removeprefix("$")
        allowed = ", ".join(field.name for field in msgspec.structs.fields(kind))  # type: ignore[arg-type]
        more = f" Options are: {allowed}." if not option else ""
        raise wrong(station, option, f"{message}.{more}") from None


def wrong(station: str, option: str, why: str) -> RequestError:
    """The mistake of an option (`.port`)."""
    path = f"$.payment.terminals[{station}].options{option}"
    what = f", option {option.removeprefix('.')}" if option else ""
    return RequestError("configuration", f"The terminal of {station}{what}: {why}", path=path)


def secret_of(station: str, option: str, file: str) -> str:
    """The secret in a file: its first line. Raises `RequestError` when there is none to read."""
    try:
        with Path(file).open(encoding="utf-8") as opened:
            secret = opened.read(_MOST_SECRET).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise wrong(station, f".{option}", f"the file {file!r} cannot be read: {why}.") from None
    if not secret or "\n" in secret:
        raise wrong(station, f".{option}", f"the file {file!r} must hold the secret and nothing else.")
    return secret
