"""The wire form: fields of two capital letters, three digits of length and ASCII text, one after the other.

A message has neither a total length nor an end mark: `CZ` (the version) comes first, then fields in any order, each at
most once. Pure.
"""

from collections.abc import Iterable

from poi_engine.errors import DeviceError

_HEAD = 5  # two letters and three digits
MOST_BYTES = 64 * 1024  # a ticket of a kilobyte is usual; what is longer comes from a broken peer


class MalformedAnswer(DeviceError):
    """The terminal sent what is no message of this protocol."""

    def __init__(self, where: int, why: str) -> None:
        super().__init__("malformed-answer", f"The terminal's answer is malformed at byte {where}: {why}.")


def encoded(fields: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a message; empty fields are left out. Raises `ValueError` for what the form cannot hold."""
    parts = []
    for tag, value in fields:
        if len(tag) != 2 or not (tag.isascii() and tag.isupper() and tag.isalpha()):
            raise ValueError(f"{tag!r} is no tag: two capital letters")
        if len(value) > 999:
            raise ValueError(f"{tag} has {len(value)} bytes; 999 fit")
        if value:
            parts.append(f"{tag}{len(value):03d}{value}".encode("ascii"))
    return b"".join(parts)


class Reading:
    """Messages as they arrive, in pieces of any size; `fields` are those of the last one. `CZ` begins the next."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._rest = bytearray()
        self._at = 0

    @property
    def whole(self) -> bool:
        """Whether what has come so far ends with a field: perhaps the message's last."""
        return bool(self.fields) and not self._rest.strip(b"\r\n")

    def feed(self, piece: bytes) -> None:
        """Take more bytes. Raises `MalformedAnswer`."""
        self._rest += piece
        if self._at + len(self._rest) > MOST_BYTES:
            raise MalformedAnswer(self._at, f"it is longer than {MOST_BYTES} bytes")
        while (end := self._end_of_first()) is not None:
            self._take(end)

    def _end_of_first(self) -> int | None:
        """How many bytes the first field has, once all of them are there. Line ends between fields mean nothing."""
        while self._rest.startswith((b"\r", b"\n")):
            del self._rest[0]
            self._at += 1
        if any(not 65 <= byte <= 90 for byte in self._rest[:2]):
            raise MalformedAnswer(self._at, "a tag is two capital letters")
        if any(not 48 <= byte <= 57 for byte in self._rest[2:_HEAD]):
            raise MalformedAnswer(self._at + 2, "a length is three digits")
        if len(self._rest) < _HEAD:
            return None
        end = _HEAD + int(self._rest[2:_HEAD])
        return end if len(self._rest) >= end else None

    def _take(self, end: int) -> None:
        tag, value = self._rest[:2].decode("ascii"), bytes(self._rest[_HEAD:end])
        if not self.fields and tag != "CZ":
            raise MalformedAnswer(self._at, "the version, CZ, comes first")
        if tag == "CZ":
            self.fields = {}
        if tag in self.fields:
            raise MalformedAnswer(self._at, f"{tag} comes twice")
        self.fields[tag] = value.decode("ascii", "replace")
        del self._rest[:end]
        self._at += end
