"""Bodies on the wire: JSON or MessagePack by content negotiation, decoded strictly."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from poi_server.problems import Refusal, invalid

JSON = "application/json"
MSGPACK = "application/msgpack"
MSGPACK_TYPES = frozenset({MSGPACK, "application/vnd.msgpack", "application/x-msgpack"})
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
CSV_TYPES = frozenset({"text/csv"})
JSON_TYPES = frozenset({JSON})
_PLAIN_ACCEPTS = frozenset({"", "*/*", JSON})
_UTF8 = frozenset({None, "utf-8", "utf8"})


class Upload(Struct, frozen=True):
    """A body taken as it is: an image of `media_type`."""

    media_type: str
    content: bytes


class CsvUpload(Upload, frozen=True):
    """A body taken as it is: a CSV file."""


class JsonUpload(Upload, frozen=True):
    """A body taken as it is: JSON of a protocol with rules of its own."""


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a route that takes none: absent or `{}`."""


class Reader:
    """Decodes the bodies of one type; `uploads` are the media types taken as they are."""

    def __init__(self, body_type: Any, *, optional: bool = False, uploads: frozenset[str] = frozenset()) -> None:
        self._json = msgspec.json.Decoder(body_type)
        self._msgpack = msgspec.msgpack.Decoder(body_type)
        self._optional = optional
        self.uploads = uploads

    def read(self, request: web.Request, body: bytes) -> Any:
        """The body as its type, or a problem that says where it does not fit."""
        if not body and self._optional:
            return self._json.decode(b"{}")
        media_type = request.content_type if hdrs.CONTENT_TYPE in request.headers else ""
        if media_type in self.uploads:
            return Upload(media_type, body)
        if media_type == JSON and (request.charset or "utf-8").lower() in _UTF8:
            return _decode(self._json, body, b"\\u0000", msgspec.json.decode)
        if media_type in MSGPACK_TYPES:
            return _decode(self._msgpack, body, b"\0", msgspec.msgpack.decode)
        raise Refusal(415, "unsupported-media-type", f"This route does not read {media_type or 'untyped'} bodies.")


def _decode(decoder: Any, body: bytes, nul: bytes, plain: Any) -> Any:
    try:
        if nul in body and (path := _nul_path(plain(body), "$")):
            raise Refusal(422, "nul-character", "The text holds a NUL character.", path=path)
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "malformed-body", f"The body cannot be read: {error}.", path="$") from None


def _nul_path(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        return path if "\0" in value else None
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        below = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}"
        if isinstance(key, str) and "\0" in key:
            return path
        if found := _nul_path(part, below):
            return found
    return None


_json_encoder = msgspec.json.Encoder()
_msgpack_encoder = msgspec.msgpack.Encoder()


def chosen_type(accept: str) -> str:
    """JSON unless the Accept header prefers MessagePack; a refusal when it allows neither."""
    if accept in _PLAIN_ACCEPTS:
        return JSON
    best, best_weight = "", 0.0
    for part in accept.split(","):
        name, _, parameters = part.strip().partition(";")
        media_type = _offered(name.strip().lower())
        weight = _weight(parameters)
        if media_type and weight > best_weight:
            best, best_weight = media_type, weight
    if not best:
        raise Refusal(406, "not-acceptable", "This API answers in application/json or application/msgpack.")
    return best


def _offered(name: str) -> str | None:
    if name in (JSON, "*/*", "application/*", "application/problem+json"):
        return JSON
    return name if name in MSGPACK_TYPES else None


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def encode(answer: Any, media_type: str) -> bytes:
    """The answer in the chosen form."""
    return _json_encoder.encode(answer) if media_type == JSON else _msgpack_encoder.encode(answer)
