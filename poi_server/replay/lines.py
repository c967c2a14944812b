"""NDJSON line by line, and every mistake in it by file, line number and JSON path."""

from collections.abc import Iterator
from typing import BinaryIO, TypeVar

import msgspec

from poi_engine.errors import PoiError, RequestError
from poi_server.problems import invalid

T = TypeVar("T")
MAX_LINE = 4 * 1024 * 1024
"""Bytes of one line; an offer with the largest polygon has about half of it, a basket of 500 lines a fortieth."""
SHOWN = 20
"""Mistakes that are told one by one."""
NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some programs write it before UTF-8."""


class Mistakes:
    """What is wrong in one file; told together, so that it can be mended in one go."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: list[str] = []
        self._count = 0

    def add(self, line: int, error: PoiError, within: str = "$") -> None:
        """One more; its path is counted from the value at the path `within`."""
        self._count += 1
        if self._count <= SHOWN:
            path = within + (error.path or "$").removeprefix("$")
            self._told.append(f"{self._name}, line {line}, {path}: {error.message}")

    def refuse(self) -> None:
        """Raise what was found, if anything was."""
        if self._count:
            more = [f"... and {self._count - SHOWN:,} more"] if self._count > SHOWN else []
            lead = f"{counted(self._count, 'mistake')}; nothing was decided, nothing was written."
            raise RequestError("replay-mistakes", "\n".join([lead, *self._told, *more]))


def counted(count: int, thing: str) -> str:
    """`1 basket`, `1,200 baskets`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1; a line that is too long comes cut."""
    number, begins = 0, True
    while part := source.readline(MAX_LINE + 1):
        number += begins
        cut = len(part) > MAX_LINE and not part.endswith(b"\n")
        line = part if cut else part.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").strip()
        if begins and line:
            yield number, line
        begins = not cut


def decoded(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    """The line's value; what does not fit is a mistake with its path."""
    if len(line) > MAX_LINE:
        raise RequestError("line-too-long", f"The line has more than {MAX_LINE:,} bytes; write one JSON object a line.")
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except NO_JSON as error:
        raise RequestError("no-json", f"This is no JSON ({error}); write one whole JSON object on the line.") from None
