"""The note a running server leaves in its data folder for the command line of the same machine."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct


class Running(Struct, frozen=True, kw_only=True):
    """Where the server of a data folder listens. `secret` acts as the owner while that process lives."""

    address: str
    pid: int
    secret: str
    authority: str = ""


def write_note(folder: Path, note: Running) -> None:
    """Leave the note, readable by this user alone; nobody ever sees half of it."""
    fresh = folder / f"run.{os.getpid()}.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(msgspec.json.encode(note))
    fresh.replace(_file(folder))


def read_note(folder: Path) -> Running | None:
    """The note of a server that still runs; None when there is none."""
    try:
        note = msgspec.json.decode(_file(folder).read_bytes(), type=Running)
        os.kill(note.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return note


def remove_note(folder: Path) -> None:
    """Take our own note away; another process's stays."""
    note = read_note(folder)
    if note is None or note.pid == os.getpid():
        _file(folder).unlink(missing_ok=True)


def _file(folder: Path) -> Path:
    return folder / "run.json"
