"""One transaction with a terminal: connect, ask, wait for the answer, close. Before the request nothing has happened;
after it, silence or nonsense means that nobody knows.
"""

import asyncio
import contextlib
from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.connectors.caisse_ap.fields import Reading, encoded
from poi_engine.connectors.caisse_ap.messages import Answered, Asked, Version, answered
from poi_engine.errors import DeviceError

_AT_MOST = 4096


class Terminal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal on the local network, and what its make wants. Seconds where not said otherwise.

    `end`: bytes after a request that some terminals need. `at_once`: the field BA, left out by default: whether the
    terminal says at once that it has taken the request in. An answer has no end mark: it is over when the terminal
    closes, or after `idle_ms` without another byte once the result has come.
    """

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 8888
    till: Annotated[str, Meta(pattern=r"^\d{2}\Z")] = "01"
    version: Version = "0300"
    protocol: Annotated[str, Meta(pattern=r"^\d{3,12}\Z")] = "012345678901"
    at_once: bool | None = None
    end: Annotated[str, Meta(pattern=r"^[\r\n]{0,2}\Z")] = ""
    connect_seconds: Annotated[float, Meta(gt=0, le=30)] = 5.0
    answer_seconds: Annotated[float, Meta(gt=0, le=600)] = 120.0
    idle_ms: Annotated[int, Meta(ge=10, le=5000)] = 250


class NoAnswer(DeviceError):
    """The request was sent and no answer to it can be had: what became of it is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__("no-answer", f"The terminal gave no answer: {why}. Look at the terminal.")


async def ask(terminal: Terminal, asked: Asked) -> Answered:
    """The terminal's answer. Raises `NoAnswer` or `MalformedAnswer` when it is unknown what it did, and any other
    `DeviceError` when nothing was sent.
    """
    request = encoded(asked.fields()) + terminal.end.encode("ascii")
    reader, writer = await _connected(terminal)
    try:
        writer.write(request)
        async with asyncio.timeout(terminal.answer_seconds):
            await writer.drain()
            return await _answer(terminal, asked, reader)
    except TimeoutError:
        raise NoAnswer(f"none in {terminal.answer_seconds:g} s") from None
    except OSError as error:
        raise NoAnswer(f"the connection broke ({type(error).__name__})") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _connected(terminal: Terminal) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(terminal.connect_seconds):
            return await asyncio.open_connection(terminal.host, terminal.port)
    except (OSError, TimeoutError) as error:
        where = f"{terminal.host}:{terminal.port}"
        raise DeviceError("terminal-away", f"No terminal answers at {where}; nothing was sent.") from error


async def _answer(terminal: Terminal, asked: Asked, reader: asyncio.StreamReader) -> Answered:
    """Wait for the last word: an answer that only takes the request in is followed by another."""
    reading = Reading()
    while True:
        open_still = await _message(reading, reader, terminal.idle_ms / 1000)
        if not reading.whole:
            raise NoAnswer("it hung up in the middle of one" if reading.fields else "it hung up")
        if open_still and "AE" not in reading.fields:  # a slow terminal pauses between fields
            continue
        said = answered(asked, reading.fields)
        if said.done is not None:
            return said
        if not open_still:
            raise NoAnswer("it took the request in and hung up")


async def _message(reading: Reading, reader: asyncio.StreamReader, idle: float) -> bool:
    """Read until a message stands whole for a while; False when the terminal closed."""
    piece = await reader.read(_AT_MOST)
    while piece:
        reading.feed(piece)
        try:
            async with asyncio.timeout(idle if reading.whole else None):
                piece = await reader.read(_AT_MOST)
        except TimeoutError:
            return True
    return False
