"""A simulated Caisse-AP terminal, with the faults of real ones: for our tests and for anybody who writes a till.

It shares no code with the connector, so that neither can hide the other's mistakes. It has a book: what it did is known
whatever it answered. Amounts that end in 05 are refused, in 06 abandoned; everything else is done.
"""

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Literal, get_args

from msgspec import Struct

Fault = Literal[
    "split",
    "halting",
    "late",
    "silent",
    "taken-in",
    "no-amount",
    "duplicate",
    "oversize",
    "hang-up",
    "partial",
    "stays-open",
    "noise",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_REFUSED = {5: "04", 6: "06"}
_REQUEST_IDLE = 0.15
_CARD = (
    ("AA", "497010******0014"),
    ("AB", "2912"),
    ("AI", "A0000000421010"),
    ("CC", "00B"),
    ("CI", "2"),
    ("AC", "123456"),
)


class Done(Struct, frozen=True, kw_only=True):
    """One line of the terminal's book; `amount` in minor units, `action` as on the wire."""

    action: str
    amount: int
    done: bool


class SimulatedTerminal:
    """Listens for tills. `faults` play together; `late` waits `late_seconds`, `halting` after each byte.

    `told` hears of each line of the book.
    """

    def __init__(
        self, *faults: Fault, late_seconds: float = 1.0, told: Callable[[Done], None] = lambda _done: None
    ) -> None:
        self.faults = frozenset(faults)
        self.book: list[Done] = []
        self.requests: list[bytes] = []
        self._late = late_seconds
        self._told = told
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Start to listen; answers the port."""
        self._server = await asyncio.start_server(self._talk, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop, and end the talks under way."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._talks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _request(reader)
        if not request:
            return
        self.requests.append(request)
        for answer in self._answers(request):
            if "late" in self.faults:
                await asyncio.sleep(self._late)
            if "silent" in self.faults:
                await reader.read()
                return
            for piece in self._pieces(answer.encode("ascii")):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self._late if "halting" in self.faults else 0)
        if "stays-open" in self.faults:
            await reader.read()

    def _pieces(self, answer: bytes) -> Iterator[bytes]:
        if "hang-up" in self.faults:
            answer = answer[: len(answer) // 2 + 1]
        width = 1 if self.faults & {"split", "halting"} else len(answer)
        return (answer[place : place + width] for place in range(0, len(answer), width))

    def _answers(self, request: bytes) -> Iterator[str]:
        try:
            asked = dict(_parsed(request.decode("ascii").strip("\r\n")))
            action = asked["CD"]
            amount = 0 if action == "I" else int(asked["CB"])
        except (ValueError, KeyError):
            yield _written(("CZ", "0300"), ("AE", "01"), ("AF", "09"))
            return
        echo = [(tag, asked[tag]) for tag in ("CZ", "CJ", "CA", "CD", "CE") if tag in asked]
        if action == "I":
            yield _written(*echo, ("AE", "10"))
            return
        if "taken-in" in self.faults:
            yield _written(*echo, ("AE", "11"))
        yield self._last_word(echo, amount, action)

    def _last_word(self, echo: Sequence[tuple[str, str]], amount: int, action: str) -> str:
        refused = _REFUSED.get(amount % 100) or ("12" if action not in ("0", "1") else None)
        taken = max(amount // 2, 1) if "partial" in self.faults else amount
        self.book.append(Done(action=action, amount=taken, done=refused is None))
        self._told(self.book[-1])
        shown = [] if refused and "no-amount" in self.faults else [("CB", f"{taken:02d}")]
        result = [("AE", "01"), ("AF", refused)] if refused else [("AE", "10"), *_CARD]
        more = [*echo, *shown, *result]
        if "duplicate" in self.faults:
            more.append(("AE", "10"))
        if "oversize" in self.faults:
            tags = (first + second for first in "WXYZ" for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            more += [(tag, "x" * 999) for tag in tags]
        return ("?" if "noise" in self.faults else "") + _written(*more)


def _parsed(text: str) -> Iterator[tuple[str, str]]:
    stream = io.StringIO(text)
    while tag := stream.read(2):
        length = int(stream.read(3))
        value = stream.read(length)
        if len(value) != length:
            raise ValueError(f"{tag} is cut short")
        yield tag, value


def _written(*fields: tuple[str, str]) -> str:
    return "".join(f"{tag}{str(len(value)).zfill(3)}{value}" for tag, value in fields)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """What the till sends until it is quiet for a moment: requests have no end mark."""
    request = await reader.read(4096)
    while request:
        try:
            async with asyncio.timeout(_REQUEST_IDLE):
                more = await reader.read(4096)
        except TimeoutError:
            break
        if not more:
            break
        request += more
    return request
