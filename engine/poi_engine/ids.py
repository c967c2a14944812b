"""Prefixed identifiers over UUIDv7: sortable by time, made by the application, never by the database."""

import os
from collections.abc import Callable
from threading import Lock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_LOW = (1 << 62) - 1
_BLOCK = 2048  # bytes


def _base32(value: int, length: int) -> str:
    digits = "".join([_PAIRS[value >> shift & 1023] for shift in range(5 * (length - 2 + length % 2), -1, -10)])
    return digits[length % 2 :]


class _Bits:
    """Random bits from the operating system, drawn in blocks: a system call for each id is dear."""

    def __init__(self) -> None:
        self._pool = b""
        self._lock = Lock()

    def forget(self) -> None:
        """Draw anew."""
        self._pool, self._lock = b"", Lock()

    def __call__(self, count: int) -> int:
        size = (count + 7) // 8
        with self._lock:  # ids are made in the storage's thread as well
            if len(self._pool) < size:
                self._pool = os.urandom(max(_BLOCK, size))
            drawn, self._pool = self._pool[:size], self._pool[size:]
        return int.from_bytes(drawn) >> (8 * size - count)


random_bits = _Bits()
"""So many bits, each drawn once."""
os.register_at_fork(after_in_child=random_bits.forget)  # a child must not hand out its parent's bits


class Ids:
    """Makes ids such as `sal_06d7k...`; `now` gives UTC seconds, `bits` random bits (a simulation replaces both)."""

    def __init__(self, now: Callable[[], float], bits: Callable[[int], int] = random_bits) -> None:
        self._now = now
        self._bits = bits

    def new(self, prefix: str) -> str:
        """A new id: the prefix, `_`, and 26 letters of a UUIDv7 (RFC 9562)."""
        milliseconds = int(self._now() * 1000) & ((1 << 48) - 1)
        bits = self._bits(74)
        value = milliseconds << 80 | 7 << 76 | bits >> 62 << 64 | 2 << 62 | bits & _LOW
        return f"{prefix}_{_base32(value, 26)}"

    def secret(self, bits: int = 160) -> str:
        """A secret in the same alphabet, from the same source of randomness."""
        return _base32(self._bits(bits), -(-bits // 5))
