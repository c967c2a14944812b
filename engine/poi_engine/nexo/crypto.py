"""The secured envelope of local messages: keys from a passphrase, AES-256-CBC, and HMAC-SHA256 over the plain text.

The MAC stands over the plain text and the clear header beside the blob is not covered by it: whoever opens a message
compares the header inside with the one outside. Every way in which a message can be wrong has the one answer
`CryptoError`, so that nobody can learn of the padding.
"""

import binascii
import hashlib
import hmac
import os
from typing import Annotated, Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Meta, Struct

from poi_engine.errors import RequestError

CRYPTO_VERSION = 1
_SALT, _ROUNDS = b"AdyenNexoV1Salt", 4000
_HMAC_KEY, _CIPHER_KEY, _IV = slice(0, 32), slice(32, 64), slice(64, 80)
_NONCE_BYTES = 16


class CryptoError(RequestError):
    """A secured message that this key does not open."""

    status = 400

    def __init__(self) -> None:
        super().__init__("nexo-crypto", "The secured message cannot be read with this key.")


class SecurityTrailer(Struct, frozen=True, kw_only=True):
    """How a message was secured; the names are the wire's. `Nonce` and `Hmac` are base64."""

    AdyenCryptoVersion: int = CRYPTO_VERSION
    KeyIdentifier: str = ""
    KeyVersion: int = 0
    Nonce: str = ""
    Hmac: str = ""


class SecurityKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both sides were told: printable ASCII only, for clients differ in how they read anything else."""

    identifier: Annotated[str, Meta(min_length=1, max_length=100)]
    passphrase: Annotated[str, Meta(pattern=r"^[ -~]{8,200}\Z")]
    version: Annotated[int, Meta(ge=0)] = 1

    def __repr__(self) -> str:
        return f"SecurityKey(identifier={self.identifier!r}, version={self.version})"


class Sealer:
    """One key, derived once (15 ms of work): make it when the configuration is read, not for each message."""

    def __init__(self, key: SecurityKey) -> None:
        self.identifier, self.version = key.identifier, key.version
        derived = hashlib.pbkdf2_hmac("sha1", key.passphrase.encode("latin-1"), _SALT, _ROUNDS, 80)
        self.hmac_key, self.cipher_key, self.iv = derived[_HMAC_KEY], derived[_CIPHER_KEY], derived[_IV]

    def seal(self, plain: bytes, nonce: bytes | None = None) -> tuple[str, SecurityTrailer]:
        """The NexoBlob and its trailer; a nonce is given in tests only."""
        nonce = os.urandom(_NONCE_BYTES) if nonce is None else nonce
        padder = PKCS7(128).padder()
        encryptor = self._cipher(nonce).encryptor()
        padded = padder.update(plain) + padder.finalize()
        return _text(encryptor.update(padded) + encryptor.finalize()), SecurityTrailer(
            KeyIdentifier=self.identifier,
            KeyVersion=self.version,
            Nonce=_text(nonce),
            Hmac=_text(self._mac(plain)),
        )

    def open(self, blob: str, trailer: SecurityTrailer) -> bytes:
        """The plain text. Raises `CryptoError`, whatever was wrong."""
        try:
            nonce, mac, sealed = _bytes(trailer.Nonce), _bytes(trailer.Hmac), _bytes(blob)
            decryptor = self._cipher(nonce).decryptor()
            padded = decryptor.update(sealed) + decryptor.finalize()
        except ValueError:
            raise CryptoError from None
        plain = _unpadded(padded)
        said = self._mac(padded if plain is None else plain)  # wrong padding takes as long as a wrong MAC
        if not hmac.compare_digest(said, mac) or plain is None:
            raise CryptoError
        return plain

    def fits(self, trailer: SecurityTrailer) -> bool:
        """Whether a message names this key."""
        return (trailer.KeyIdentifier, trailer.KeyVersion) == (self.identifier, self.version)

    def _mac(self, plain: bytes) -> bytes:
        return hmac.digest(self.hmac_key, plain, "sha256")

    def _cipher(self, nonce: bytes) -> Cipher[Any]:
        if len(nonce) != _NONCE_BYTES:
            raise ValueError("a nonce has 16 bytes")
        actual = bytes(a ^ b for a, b in zip(self.iv, nonce, strict=True))
        return Cipher(algorithms.AES256(self.cipher_key), modes.CBC(actual))


def _unpadded(padded: bytes) -> bytes | None:
    unpadder = PKCS7(128).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None


def _text(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("no base64") from error
