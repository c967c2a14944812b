"""From a frame, a photo or a scanner's line to `Scan`s: decoding in threads, each code once."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from poi_engine.errors import RequestError
from poi_qr.decoders import ImageError, Symbol, decode_image
from poi_qr.gate import ScanGate
from poi_qr.payload import Payload, PayloadError, classify
from poi_qr.scan import Scan
from poi_qr.wedge import clean

STILLS_WAITING = 8
"""Photos that may wait for a thread; a large one takes seconds, a frame milliseconds."""


class Scanning:
    """The stations' optical side. `clock` gives UTC seconds, `monotonic` seconds that never step."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._gate = ScanGate(monotonic)
        threads = max(2, os.cpu_count() or 2)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._stills = asyncio.Semaphore(threads // 2)  # photos leave threads to the cameras
        self._stills_waiting = 0
        self._frames: set[str] = set()

    async def read_image(self, source: str, data: bytes, *, still: bool) -> Scan | None:
        """The first code that counts in a picture (PNG, JPEG, WebP), or None; frames pass the gate, photos do not.

        A frame that comes while the source's last one is decoded is dropped: the camera sends another. Raises
        `RequestError` for a picture or a code that cannot be accepted, and when too many photos wait.
        """
        symbols = await (self._still(data) if still else self._frame(source, data))
        gate = ScanGate(self._monotonic) if still else self._gate  # a photo is judged by itself
        passed = gate.offer(source, symbols)
        return self._scan(source, passed[0]) if passed else None

    async def _frame(self, source: str, data: bytes) -> list[Symbol]:
        if source in self._frames:
            return []
        self._frames.add(source)
        try:
            return await self._decode(data, still=False)
        finally:
            self._frames.discard(source)

    async def _still(self, data: bytes) -> list[Symbol]:
        if self._stills_waiting >= STILLS_WAITING:
            raise RequestError("too-many-photos", "Too many photos wait to be read; try again.", status=429)
        self._stills_waiting += 1
        try:
            async with self._stills:
                return await self._decode(data, still=True)
        finally:
            self._stills_waiting -= 1

    async def _decode(self, data: bytes, *, still: bool) -> list[Symbol]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: decode_image(data, still=still))
        except ImageError as error:
            raise RequestError(error.code, error.message, path="$") from error

    def read_line(self, source: str, line: str) -> Scan:
        """What a keyboard-wedge or serial scanner typed."""
        data, symbology = clean(line)
        return self._as_scan(source, _classified(data, symbology), (("engine", "wedge"),))

    def close(self) -> None:
        """End the decoding threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _scan(self, source: str, symbol: Symbol) -> Scan:
        found = _classified(symbol.data, symbol.symbology)
        return self._as_scan(source, found, (("engine", symbol.engine), ("symbology", symbol.symbology)))

    def _as_scan(self, source: str, found: Payload, read: tuple[tuple[str, str], ...]) -> Scan:
        return Scan(
            scheme=found.scheme,
            subject=found.subject,
            assurance=found.assurance,
            source=source,
            seen_at=self._clock(),
            evidence=(*read, *found.evidence),
        )


def _classified(data: bytes, symbology: str) -> Payload:
    try:
        return classify(data, symbology)
    except PayloadError as error:
        raise RequestError(error.code, error.message, path="$.text") from error
