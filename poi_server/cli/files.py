"""JSON files given on the command line; `-` is standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from poi_engine.errors import RequestError


def read_json(name: str) -> Any:
    """The JSON value in a file."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return msgspec.json.decode(content)
    except OSError as error:
        raise RequestError("unreadable-file", f"{name} cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError("no-json", f"{name} holds no JSON: {error}.") from None
