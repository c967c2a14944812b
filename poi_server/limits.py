"""A limit on everything that comes from outside: bytes, seconds, connections, guesses."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from poi_engine.errors import Forbidden
from poi_server.problems import Refusal


class Attempts:
    """Failed sign-ins per address: `allowed` in `seconds`, then refusals until they have passed. Bounded memory."""

    def __init__(
        self, clock: Callable[[], float], *, allowed: int = 20, seconds: float = 60.0, capacity: int = 10_000
    ) -> None:
        self._clock = clock
        self._allowed = allowed
        self._seconds = seconds
        self._capacity = capacity
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Refuse an address that failed too often."""
        count, until = self._failures.get(address, (0, 0.0))
        left = until - self._clock()
        if count >= self._allowed and left > 0:
            headers = {"Retry-After": str(int(left) + 1)}
            raise Refusal(429, "too-many-attempts", f"Wait {int(left) + 1} seconds.", headers=headers)

    def failed(self, address: str) -> None:
        """Note a failure; the window starts with the first."""
        now = self._clock()
        count, until = self._failures.get(address, (0, 0.0))
        self._failures[address] = (count + 1, until) if until > now else (1, now + self._seconds)
        self._failures.move_to_end(address)
        if len(self._failures) > self._capacity:
            self._failures.popitem(last=False)


class Pace:
    """Requests per credential: a bucket each, of `burst` requests, refilled by `rate` a second. Bounded memory.

    Of this process: behind a balancer each process has its own.
    """

    def __init__(self, clock: Callable[[], float], *, rate: float, burst: int, capacity: int = 10_000) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, access_id: str) -> None:
        """Count one request; refuse it when the credential's bucket is empty."""
        now = self._clock()
        left, since = self._buckets.pop(access_id, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._rate)
        self._buckets[access_id] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        if left < 1:
            seconds = int((1 - left) / self._rate) + 1
            headers = {"Retry-After": str(seconds)}
            message = f"This credential asks more than {self._rate:g} times a second; wait {seconds} s."
            raise Refusal(429, "too-many-requests", message, headers=headers)


@contextmanager
def counted_pin(attempts: Attempts, access_id: str) -> Iterator[None]:
    """Wrong PINs count for the device that sends them, whoever they were tried for."""
    device = f"pin {access_id}"
    attempts.check(device)
    try:
        yield
    except Forbidden as error:
        if error.code == "pin-wrong":
            attempts.failed(device)
        raise


async def read_body(request: web.Request, limit: int, seconds: float) -> bytes:
    """The whole body, at most `limit` bytes and `seconds` seconds; slower or larger ones are refused."""
    if not request.can_read_body:
        return b""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    if request.content.is_eof():  # all of it came with the headers: nothing to wait for
        body = request.content.read_nowait()
        if len(body) > limit:
            raise _too_large(limit)
        return body
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError:
        raise Refusal(
            408, "too-slow", f"The body did not arrive in {seconds:g} seconds.", headers={"Connection": "close"}
        ) from None


async def _read(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> Refusal:
    message = f"The body is larger than {limit} bytes."
    return Refusal(413, "too-large", message, headers={"Connection": "close"})
