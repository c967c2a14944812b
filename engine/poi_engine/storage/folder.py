"""The data folder belongs to one server process at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from poi_engine.errors import StorageError


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds a data folder: the process, and the address it serves once it does."""

    pid: int = 0
    address: str = ""


class FolderLocked(StorageError):
    """Another process holds the data folder; `holder` says which."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        at = f" and serves {holder.address}" if holder.address else ""
        who = f"process {holder.pid}" if holder.pid else "another process"
        super().__init__("data-folder-locked", f"The data folder {folder} is in use: {who} holds it{at}.")
        self.holder = holder


class FolderLock:
    """A held data folder; given back by `release`, by leaving the `with`, or by the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.serve_at("")

    def serve_at(self, address: str) -> None:
        """Tell others which address this process serves."""
        self._write(msgspec.json.encode(Holder(pid=os.getpid(), address=address)))

    def release(self) -> None:
        """Give the folder back."""
        if self._descriptor >= 0:
            self._write(b"")
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.release()


def lock_folder(path: Path) -> FolderLock:
    """Take the data folder, made if absent; raises `FolderLocked` when another process has it."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError("data-folder", f"The data folder {path} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise FolderLocked(path, holder) from None
    return FolderLock(descriptor)


def _holder(descriptor: int) -> Holder:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except msgspec.DecodeError:
        return Holder()
