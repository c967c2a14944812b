"""The files of a replay: read twice where they are, or kept meanwhile; written whole or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from poi_engine.errors import RequestError

STANDARD = "-"
"""The name of standard input and standard output."""


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """A file that can be read twice; what comes through a pipe is kept in a temporary file meanwhile."""
    with ExitStack() as stack:
        try:
            source = _source(name, stack)
        except OSError as error:
            raise RequestError("unreadable-file", f"{name} cannot be read: {error.strerror}.") from None
        yield source


def _source(name: str, stack: ExitStack) -> BinaryIO:
    if name != STANDARD:
        source = stack.enter_context(Path(name).open("rb"))  # noqa: SIM115 - the stack closes it
        if source.seekable():
            return source
    kept = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    copyfileobj(sys.stdin.buffer if name == STANDARD else source, kept)
    kept.seek(0)
    return kept


@contextmanager
def output(name: str | None, *sources: str) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears only when all is in it. It cannot be one of the `sources`."""
    try:
        if name is None or name == STANDARD:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with _whole(_target(name, sources)) as out:
                yield out
    except BrokenPipeError:  # whoever reads has seen enough; nothing is left to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise RequestError("unwritable-file", "Nobody reads the rest of the decisions.") from None
    except OSError as error:
        where = name or "Standard output"
        raise RequestError("unwritable-file", f"{where} cannot be written: {error.strerror}.") from None


def _target(name: str, sources: tuple[str, ...]) -> Path:
    target = Path(name).resolve()  # a link stays one
    if target.exists() and (not target.is_file() or any(_is(target, source) for source in sources)):
        message = f"--out {name} is no file of its own: give another name, or leave --out away for standard output."
        raise RequestError("unwritable-file", message)
    return target


def _is(target: Path, source: str) -> bool:
    return source != STANDARD and Path(source).exists() and target.samefile(source)


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
