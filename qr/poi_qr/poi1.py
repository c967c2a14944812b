"""POI1-H, the customer's rotating code: 26 bytes shown as 63 digits, good for seconds, checked without a network.

Layout, big endian: byte 0 = profile (high 4 bits, 1 = H) and key epoch (low 4 bits); bytes 1-8 = card handle, random
per device; bytes 9-12 = whole seconds since 2020-01-01 00:00 UTC; byte 13 = nonce; bytes 14-25 = the first 12 bytes of
HMAC-SHA-256(device key, b"POI1" + bytes 0-13). The 26 bytes are one integer, written with leading zeros as 63 digits.

Device key = HKDF-SHA-256(input = programme key of the epoch, salt = b"poi-server/POI1-H",
info = b"device" + byte(epoch) + handle, length = 32). Whoever holds the epoch's programme key can verify offline.
"""

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from poi_qr.errors import TokenRefused

DIGITS = 63
VALID_SECONDS = 30.0
"""How far a token's time may lie from ours, in seconds, after the device's known drift."""
MAX_DRIFT_SECONDS = 120.0
REPLAY_SECONDS = 300
"""How long a used token must be remembered, in seconds: the widest window in which it could pass again."""
EPOCH_2020 = 1_577_836_800
"""2020-01-01 00:00 UTC in seconds since 1970."""

_PROFILE_H = 1
_TOKEN_BYTES = 26
_SIGNED_BYTES = 14
_HANDLE_BYTES = 8
_KEY_BYTES = 32
_SALT = b"poi-server/POI1-H"


@dataclass(frozen=True, slots=True)
class Verified:
    """An authentic, timely token; `issued_at` is UTC seconds since 1970 by the phone's clock."""

    handle: bytes
    epoch: int
    issued_at: int
    nonce: int

    @property
    def subject(self) -> str:
        """The card handle as 16 hexadecimal digits."""
        return self.handle.hex()

    @property
    def replay_key(self) -> str:
        """The name under which this token is used once; remember it for `REPLAY_SECONDS`."""
        return f"qr:seen:{{{self.subject}}}:{self.issued_at}:{self.nonce}"


class ReplayGuard(Protocol):
    """Remembers used tokens."""

    def first_use(self, key: str, seconds: float) -> bool:
        """True the first time `key` is seen within `seconds`."""


class LocalReplayGuard:
    """A replay guard of one process, bounded; safe in several threads. When full it refuses rather than forgets."""

    def __init__(self, clock: Callable[[], float], *, capacity: int = 100_000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._until: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def first_use(self, key: str, seconds: float) -> bool:
        """True the first time `key` is seen within `seconds`; False too when there is no room to remember it."""
        now = self._clock()
        with self._lock:
            self._forget_old(now)
            if self._until.get(key, now) > now or len(self._until) >= self._capacity:
                return False
            self._until[key] = now + seconds
            self._until.move_to_end(key)
            return True

    def _forget_old(self, now: float) -> None:
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)


def derive_device_key(programme_key: bytes, epoch: int, handle: bytes) -> bytes:
    """The 32-byte key of one device under one epoch's programme key (32 bytes or more)."""
    _check_epoch_and_handle(epoch, handle)
    if len(programme_key) < _KEY_BYTES:
        raise ValueError(f"the programme key has {len(programme_key)} bytes; it needs {_KEY_BYTES} or more")
    info = b"device" + bytes([epoch]) + handle
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=_SALT, info=info).derive(programme_key)


def issue(device_key: bytes, epoch: int, handle: bytes, now: float, nonce: int) -> str:
    """The 63 digits to show at `now` (UTC seconds since 1970); `nonce` is 0 to 255."""
    _check_epoch_and_handle(epoch, handle)
    if not 0 <= nonce <= 255:
        raise ValueError(f"the nonce is {nonce}; it is one byte")
    seconds = int(now // 1) - EPOCH_2020
    if not 0 <= seconds < 2**32:
        raise ValueError("the time lies outside 2020 to 2156")
    signed = bytes([_PROFILE_H << 4 | epoch]) + handle + seconds.to_bytes(4, "big") + bytes([nonce])
    return str(int.from_bytes(signed + _mac(device_key, signed), "big")).zfill(DIGITS)


def check(digits: str, *, epoch_keys: Mapping[int, bytes], now: float, drift: float = 0.0) -> Verified:
    """Check form, authenticity and time; the caller still has to use `replay_key` once.

    `epoch_keys` are the programme keys by epoch; `now` is UTC seconds since 1970; `drift` is how far the device's clock
    is known to be ahead of ours, in seconds, taken within +-120.
    """
    token = _token_bytes(digits)
    signed, mac = token[:_SIGNED_BYTES], token[_SIGNED_BYTES:]
    found = _fields(signed)
    programme_key = epoch_keys.get(found.epoch)
    if programme_key is None:
        raise TokenRefused("unknown-epoch", "the code was made with a key that is not in use here; open the page again")
    if not hmac.compare_digest(mac, _mac(derive_device_key(programme_key, found.epoch, found.handle), signed)):
        raise TokenRefused("forged", "the code was not made by a device of this programme")
    _check_time(found.issued_at, now, drift)
    return found


def verify(
    digits: str, *, epoch_keys: Mapping[int, bytes], now: float, drift: float = 0.0, guard: ReplayGuard
) -> Verified:
    """Check a token as `check` does and use it up in `guard`."""
    found = check(digits, epoch_keys=epoch_keys, now=now, drift=drift)
    if not guard.first_use(found.replay_key, REPLAY_SECONDS):
        raise TokenRefused("replayed", "the code was used already; wait for the next one")
    return found


def handle_of(digits: str) -> bytes:
    """The card handle that a token claims, unverified: to look up the device's drift before `check`."""
    return _fields(_token_bytes(digits)[:_SIGNED_BYTES]).handle


def is_token(digits: str) -> bool:
    """True when `digits` has the form of a POI1-H token; says nothing about its authenticity."""
    try:
        _token_bytes(digits)
    except TokenRefused:
        return False
    return True


def _token_bytes(digits: str) -> bytes:
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        raise TokenRefused("malformed", f"a customer's code has {DIGITS} digits")
    number = int(digits)
    if number >> 8 * _TOKEN_BYTES or number >> 8 * _TOKEN_BYTES - 4 != _PROFILE_H:
        raise TokenRefused("malformed", "the digits are not a customer's code of the known profile (H)")
    return number.to_bytes(_TOKEN_BYTES, "big")


def _fields(signed: bytes) -> Verified:
    seconds = int.from_bytes(signed[9:13], "big")
    return Verified(handle=signed[1:9], epoch=signed[0] & 0x0F, issued_at=EPOCH_2020 + seconds, nonce=signed[13])


def _check_time(issued_at: int, now: float, drift: float) -> None:
    age = now + max(-MAX_DRIFT_SECONDS, min(MAX_DRIFT_SECONDS, drift)) - issued_at
    if age > VALID_SECONDS:
        raise TokenRefused("expired", f"the code is {age:.0f} seconds old; show the one on the page now")
    if age < -VALID_SECONDS:
        raise TokenRefused("clock", f"the phone's clock is {-age:.0f} seconds ahead; set it to network time")


def _mac(device_key: bytes, signed: bytes) -> bytes:
    return hmac.digest(device_key, b"POI1" + signed, "sha256")[: _TOKEN_BYTES - _SIGNED_BYTES]


def _check_epoch_and_handle(epoch: int, handle: bytes) -> None:
    if not 0 <= epoch <= 15:
        raise ValueError(f"the key epoch is {epoch}; it is 0 to 15")
    if len(handle) != _HANDLE_BYTES:
        raise ValueError(f"the card handle has {len(handle)} bytes; it needs {_HANDLE_BYTES}")
