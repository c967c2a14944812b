"""From bytes to a request and from an answer to bytes: plain, or secured by a key that both sides were told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from poi_engine.errors import RequestError
from poi_engine.nexo.crypto import CryptoError, Sealer, SecurityTrailer
from poi_server.nexo.wire.common import DEVICE, MessageHeader, class_of
from poi_server.nexo.wire.names import decode, encode, respelled

REQUEST, RESPONSE = "SaleToPOIRequest", "SaleToPOIResponse"
VERSION = "3.0"
"""Of the protocol; what it became later (3.1) is read too."""
MAX_BYTES = 64 * 1024
UNANSWERED = frozenset({"Abort", "InputUpdate", "Event"})
"""Categories whose answer is an empty one: they may come as notifications."""


class Unreadable(RequestError):
    """A message that no answer of its own kind can be given to; the transport says so."""

    status = 400


class Asked(NamedTuple):
    """A request: its header, the body's JSON, and the key that secured it, which secures the answer."""

    header: MessageHeader
    body: dict[str, Any]
    sealer: Sealer | None


def opened(content: bytes, sealers: Sequence[Sealer]) -> Asked:
    """The request in a message. Every fault of a secured one has the same answer: `nexo-crypto`."""
    message = _inside(content)
    if "NexoBlob" not in message and "SecurityTrailer" not in message:
        return _asked(message, None)
    sealer, plain = _unsealed(message, sealers)
    inner = _inside(plain)
    asked = _asked(inner, sealer)
    if _header(message) != asked.header:
        raise CryptoError
    return asked


def sealed(header: MessageHeader, body: dict[str, Any], sealer: Sealer | None, kind: str = RESPONSE) -> bytes:
    """A message's bytes."""
    told = _decent(header)
    plain = encode({kind: {"MessageHeader": told, **body}})
    if sealer is None:
        return plain
    blob, trailer = sealer.seal(plain)
    return encode({kind: {"MessageHeader": told, "NexoBlob": blob, "SecurityTrailer": trailer}})


def reply_header(header: MessageHeader) -> MessageHeader:
    """The header of the answer: the request's, as a response."""
    return replace(header, message_type="Response")


def speaks(header: MessageHeader) -> bool:
    """Whether the message is of a version that is read here."""
    return header.protocol_version is None or header.protocol_version.partition(".")[0] == VERSION.partition(".")[0]


def _decent(header: MessageHeader) -> MessageHeader:
    return header if header.protocol_version and speaks(header) else replace(header, protocol_version=VERSION)


def _inside(content: bytes) -> dict[str, Any]:
    if b"\\u0000" in content:  # PostgreSQL holds none: it would be found when the money has been taken
        raise Unreadable("nexo-unreadable", "The body holds a NUL character.")
    try:
        message = respelled(decode(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError):
        raise Unreadable("nexo-unreadable", "The body is no JSON.") from None
    found = message.get(REQUEST) if isinstance(message, dict) else None
    if not isinstance(found, dict):
        raise Unreadable("nexo-unreadable", f"The body is no object with a {REQUEST}.", path="$")
    return found


def _unsealed(message: dict[str, Any], sealers: Sequence[Sealer]) -> tuple[Sealer, bytes]:
    try:
        trailer = msgspec.convert(message.get("SecurityTrailer"), SecurityTrailer)
        blob = msgspec.convert(message.get("NexoBlob"), str)
    except msgspec.ValidationError:
        raise CryptoError from None
    for sealer in sealers:
        if sealer.fits(trailer):
            return sealer, sealer.open(blob, trailer)
    raise CryptoError


def _header(message: dict[str, Any]) -> MessageHeader:
    try:
        return msgspec.convert(message.get("MessageHeader"), MessageHeader)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at ")
        path = f"$.{REQUEST}.MessageHeader{where.strip('`')[1:]}"
        raise Unreadable("nexo-header", f"{text}.", path=path) from None


def _asked(message: dict[str, Any], sealer: Sealer | None) -> Asked:
    header = _header(message)
    path = f"$.{REQUEST}.MessageHeader"
    if header.sale_id is None:
        raise Unreadable("nexo-header", "A till says who it is.", path=f"{path}.SaleID")
    if header.service_id is None and header.message_category not in DEVICE:
        raise Unreadable("nexo-header", "A service request has a ServiceID of its own.", path=f"{path}.ServiceID")
    if header.message_type != "Request" and header.message_category not in UNANSWERED:
        raise Unreadable("nexo-header", f"This is no request: {header.message_type}.", path=f"{path}.MessageType")
    if header.message_category in UNANSWERED and header.message_class != class_of(header.message_category):
        raise Unreadable("nexo-header", "The category is of another class.", path=f"{path}.MessageClass")
    return Asked(header, {name: part for name, part in message.items() if name != "MessageHeader"}, sealer)
