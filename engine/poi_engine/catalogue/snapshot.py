"""The compiled catalogue as a file: written whole or not at all, mapped by every process of the machine.

    header     64 bytes: magic, format, byte order, sizes, digest of the contents, digest of the header
    contents   MessagePack: whose catalogue, which state of it, where each section lies, digests of all that follows
    sections   flat arrays, each at a multiple of 64 bytes, mapped as they are

A file is written under another name, brought to the disk, then renamed over the old one. Nobody changes a file in
place, so a process that has an older one mapped keeps it for as long as it needs it.
"""

import fcntl
import mmap
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from struct import Struct as Layout
from typing import NamedTuple
from uuid import uuid4

import msgspec
from msgspec import Struct, msgpack

from poi_cext.words import digest
from poi_engine.errors import StorageError

MAGIC = b"POISHELF"
FORMAT = 1
ORDER = 0x01020304
ALIGNED = 64
PIECE = 8 << 20
"""Bytes under one digest: several threads check a large file."""
CHECKERS = min(4, os.cpu_count() or 1)
_HEADER = Layout("=8sIIQQQ16xQ")  # magic, format, order, size of the contents, of the file, digests
_DIGEST = Layout("=Q")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")

Trace = Callable[[str], None]
"""Called at each named step of writing; a test may stop the process there."""


class SnapshotRefused(StorageError):
    """The file cannot be used; the message says why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__("snapshot-refused", f"The catalogue {path.name} is refused: {reason}.")
        self.reason = reason


class Stamp(NamedTuple):
    """Tells a file from the one that replaces it."""

    inode: int
    modified: int  # nanoseconds since 1970
    size: int


class State(Struct, frozen=True, kw_only=True):
    """Which state of whose catalogue: the version of the newest change in it.

    `layout` says by which rules it was compiled: other rules cannot read it.
    """

    merchant_id: str
    layout: str
    version: int


class Section(Struct, frozen=True, array_like=True):
    """Where a section lies, in bytes from the first one. `checked`: the digests cover it."""

    name: str
    start: int
    size: int
    checked: bool


class _Contents(Struct, frozen=True, kw_only=True):
    state: State
    sections: tuple[Section, ...]
    digests: tuple[int, ...]


class Snapshot(NamedTuple):
    """A mapped file."""

    state: State
    sections: Mapping[str, memoryview]
    stamp: Stamp


class SnapshotFolder:
    """The catalogues of a machine's processes, a file for each merchant."""

    def __init__(self, folder: Path, trace: Trace = lambda _step: None) -> None:
        self._folder = folder
        self._trace = trace

    def path(self, merchant_id: str) -> Path:
        """Where the merchant's catalogue lies."""
        name = merchant_id if _PLAIN.match(merchant_id) else f"={merchant_id.encode().hex()}"
        return self._folder / f"{name}.catalogue"

    def stamp(self, merchant_id: str) -> Stamp | None:
        """The file that is there now; None when there is none."""
        try:
            return _stamp(self.path(merchant_id).stat())
        except FileNotFoundError:
            return None

    def open(self, merchant_id: str, layout: str) -> Snapshot | None:
        """Map the merchant's catalogue and check it; None without one, `SnapshotRefused` for a bad one."""
        path = self.path(merchant_id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SnapshotRefused(path, f"it cannot be read: {error.strerror}") from None
        try:
            stamp = _stamp(os.fstat(descriptor))
            if stamp.size < _HEADER.size:
                raise SnapshotRefused(path, "it is cut short")
            mapped = memoryview(mmap.mmap(descriptor, stamp.size, mmap.MAP_SHARED, mmap.PROT_READ))
        except (OSError, ValueError) as error:
            raise SnapshotRefused(path, f"it cannot be mapped: {error}") from None
        finally:
            os.close(descriptor)
        return _checked(path, mapped, stamp, merchant_id, layout)

    @contextmanager
    def alone(self, merchant_id: str) -> Iterator[bool]:
        """True when no other process compiles this merchant's catalogue; then none does until the end of this."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path(merchant_id).with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._sweep(merchant_id)
            yield True
        finally:
            os.close(descriptor)

    def write(self, state: State, sections: Mapping[str, memoryview], unchecked: Collection[str] = ()) -> None:
        """Replace the merchant's catalogue; whoever does it must be `alone`. A crash leaves the old one in use.

        The `unchecked` sections are large and have checks of their own.
        """
        path = self.path(state.merchant_id)
        fresh = path.with_suffix(f".{uuid4().hex}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                self._fill(descriptor, state, sections, unchecked)
            finally:
                os.close(descriptor)
            fresh.replace(path)
            self._trace("snapshot.renamed")
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)
        self._trace("snapshot.folder-synced")

    def tidy(self, merchant_id: str) -> None:
        """Remove what writers that crashed left behind, unless somebody is writing now."""
        if self._left(merchant_id):
            with self.alone(merchant_id):
                pass

    def remove(self, merchant_id: str) -> None:
        """Drop the merchant's catalogue; processes that have it mapped keep it."""
        self.path(merchant_id).unlink(missing_ok=True)

    def _fill(
        self, descriptor: int, state: State, sections: Mapping[str, memoryview], unchecked: Collection[str]
    ) -> None:
        self._trace("snapshot.begun")
        flat = [(name, section.cast("B")) for name, section in sections.items()]
        contents = _contents_of(state, flat, unchecked)
        head = msgpack.encode(contents)
        size = _HEADER.size + _padded(len(head)) + sum(_padded(section.nbytes) for _, section in flat)
        _write(descriptor, _header(head, size))
        for part in (memoryview(head), *(section for _, section in flat)):
            _write(descriptor, part)
            _write(descriptor, bytes(-part.nbytes % ALIGNED))
            self._trace("snapshot.part")
        self._trace("snapshot.filled")
        os.fsync(descriptor)
        self._trace("snapshot.synced")

    def _sweep(self, merchant_id: str) -> None:
        for left in self._left(merchant_id):
            left.unlink(missing_ok=True)

    def _left(self, merchant_id: str) -> list[Path]:
        return list(self._folder.glob(f"{self.path(merchant_id).stem}.*.new"))


def _contents_of(state: State, sections: list[tuple[str, memoryview]], unchecked: Collection[str]) -> _Contents:
    start = 0
    found: list[Section] = []
    pieces: list[memoryview] = []
    for name, section in sections:
        found.append(Section(name, start, section.nbytes, name not in unchecked))
        start += _padded(section.nbytes)
        pieces += _pieces(section) if found[-1].checked else []
    return _Contents(state=state, sections=tuple(found), digests=_digests(pieces))


def _pieces(section: memoryview) -> list[memoryview]:
    return [section[start : start + PIECE] for start in range(0, section.nbytes, PIECE)]


def _digests(pieces: list[memoryview]) -> tuple[int, ...]:
    if len(pieces) < 2 * CHECKERS or CHECKERS == 1:
        return tuple(map(digest, pieces))
    with ThreadPoolExecutor(CHECKERS) as pool:
        return tuple(pool.map(digest, pieces))


def _header(head: bytes, size: int) -> bytes:
    unsigned = _HEADER.pack(MAGIC, FORMAT, ORDER, len(head), size, digest(head), 0)[:-8]
    return unsigned + _DIGEST.pack(digest(unsigned))


def _padded(size: int) -> int:
    return size + -size % ALIGNED


def _write(descriptor: int, data: "bytes | memoryview") -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_ino, status.st_mtime_ns, status.st_size)


# --- checking -----------------------------------------------------------------------------------------------------


def _checked(path: Path, mapped: memoryview, stamp: Stamp, merchant_id: str, layout: str) -> Snapshot:
    try:
        contents, body = _read_contents(mapped)
        if contents.state.merchant_id != merchant_id:
            raise ValueError("it is another merchant's")
        if contents.state.layout != layout:
            raise ValueError("it was compiled by other rules")
        sections = _cut(contents, body)
    except ValueError as error:
        raise SnapshotRefused(path, str(error)) from None
    return Snapshot(contents.state, sections, stamp)


def _read_contents(mapped: memoryview) -> tuple[_Contents, memoryview]:
    magic, version, order, size, whole, of_head, of_header = _HEADER.unpack_from(mapped)
    if magic != MAGIC:
        raise ValueError("it is no catalogue")
    if order != ORDER:
        raise ValueError("its bytes are in another order")
    if version != FORMAT:
        raise ValueError(f"its format is {version}, this is {FORMAT}")
    if digest(mapped[: _HEADER.size - 8]) != of_header:
        raise ValueError("its header is damaged")
    if whole != len(mapped):
        raise ValueError(f"it has {len(mapped)} bytes, not {whole}")
    head, start = mapped[_HEADER.size : _HEADER.size + size], _HEADER.size + _padded(size)
    if start > whole or digest(head) != of_head or any(mapped[_HEADER.size + size : start]):
        raise ValueError("its contents are damaged")
    try:
        return msgpack.decode(head, type=_Contents), mapped[start:]
    except msgspec.DecodeError as error:
        raise ValueError(f"its contents cannot be read: {error}") from None


def _cut(contents: _Contents, body: memoryview) -> dict[str, memoryview]:
    sections: dict[str, memoryview] = {}
    pieces: list[memoryview] = []
    end = 0
    for section in contents.sections:
        if section.start != end or section.size < 0 or end + _padded(section.size) > len(body):
            raise ValueError(f"its section {section.name} lies where none can be")
        sections[section.name] = body[section.start : section.start + section.size]
        pieces += _pieces(sections[section.name]) if section.checked else []
        end += _padded(section.size)
        if any(body[section.start + section.size : end]):
            raise ValueError(f"its section {section.name} is followed by what is none")
    if end != len(body):
        raise ValueError(f"its sections end at {end} of {len(body)} bytes")
    if _digests(pieces) != contents.digests:
        raise ValueError("its sections are damaged")
    return sections
