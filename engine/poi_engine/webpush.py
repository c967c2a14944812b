"""Web Push without its transport: messages encrypted for one browser (RFC 8291), signed by who sends (RFC 8292)."""

import base64
import binascii
import json
import struct
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAX_PAYLOAD = 3000
"""Bytes: push services take at least 4096 with the encryption around them."""
_CURVE = ec.SECP256R1()
_RECORD = 4096
_LAST_RECORD = b"\x02"
_POINT_BYTES, _AUTH_BYTES = 65, 16
_VALID_SECONDS = 12 * 3600


def new_key() -> bytes:
    """A sender's private key, 32 bytes."""
    return ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(32, "big")


def public_point(private: bytes) -> bytes:
    """The public key of a private one, as browsers want it: an uncompressed point."""
    return _point(_private(private))


def check_keys(p256dh: str, auth: str) -> tuple[bytes, bytes]:
    """A subscription's keys as bytes; ValueError when they are none."""
    try:
        point, secret = from_text(p256dh), from_text(auth)
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except (binascii.Error, UnsupportedAlgorithm) as error:
        raise ValueError("not a key") from error
    if len(point) != _POINT_BYTES or len(secret) != _AUTH_BYTES:
        raise ValueError("not a key")
    return point, secret


def encrypt(payload: bytes, receiver: bytes, auth: bytes, *, salt: bytes, sender: bytes) -> bytes:
    """The body for one subscription (`aes128gcm`); `sender` is a private key of this message alone, `salt` 16 bytes."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a message has at most {MAX_PAYLOAD} bytes")
    own = _private(sender)
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, receiver))
    secret = _derive(shared, auth, b"WebPush: info\0" + receiver + _point(own), 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(key).encrypt(nonce, payload + _LAST_RECORD, None)
    return salt + struct.pack(">IB", _RECORD, _POINT_BYTES) + _point(own) + sealed


def authorization(endpoint: str, private: bytes, contact: str, now: float) -> str:
    """The header that says who sends: a token for the endpoint's origin. `contact`: a `mailto:` or `https:` address."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now) + _VALID_SECONDS, "sub": contact}
    signed = b".".join(to_text(json.dumps(part).encode()).encode() for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(_private(private).sign(signed, ec.ECDSA(hashes.SHA256())))
    token = f"{signed.decode()}.{to_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={to_text(public_point(private))}"


def to_text(data: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The bytes of such a text; `binascii.Error` or ValueError when it is none."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _private(value: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(value, "big"), _CURVE)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(material)
