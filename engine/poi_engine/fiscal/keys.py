"""The key that signs closings and archives: Ed25519, made at its first use, in a file that only its owner reads."""

import hashlib
import os
import secrets
import stat
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key as load_pem
from msgspec import Struct

from poi_engine.errors import StorageError

CLOSING, ARCHIVE = b"poi-server closing 1\n", b"poi-server archive 1\n"
"""What stands before the signed bytes, so that no signature passes for another kind's."""


class Signed(Struct, frozen=True, kw_only=True):
    """A signature (64 bytes), the key's id and the public key (32 bytes)."""

    key_id: str
    public_key: bytes
    signature: bytes


def key_id_of(public_key: bytes) -> str:
    """A public key's id: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature is the key's for the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except Exception:  # a key or signature of another length is no signature either
        return False
    return True


class Signer:
    """Signs with the key in `path`; without a path, with a key that lives as long as the process.

    Reads the file when it signs first: call `sign` in a thread, or inside a job.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._key: Ed25519PrivateKey | None = None
        self._lock = threading.Lock()

    def sign(self, message: bytes) -> Signed:
        """Sign a message."""
        with self._lock:
            self._key = self._key or (_kept(self._path) if self._path else Ed25519PrivateKey.generate())
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Signed(key_id=key_id_of(public), public_key=public, signature=self._key.sign(message))


def _kept(path: Path) -> Ed25519PrivateKey:
    """The key in the file; made if there is none, once, whichever process is first."""
    try:
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StorageError("fiscal-key", f"The signing key {path} can be read by others: chmod 600 {path}")
        key = load_pem(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise StorageError("fiscal-key", f"The signing key {path} cannot be used: {error}.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageError("fiscal-key", f"The signing key {path} is no Ed25519 key.")
    return key


def _make(path: Path) -> None:
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:  # another process was first
            return
    finally:
        draft.unlink()
