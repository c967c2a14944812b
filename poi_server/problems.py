"""Problems as RFC 9457 describes them: one stable code each, with a page that explains it."""

from __future__ import annotations

import re

import msgspec
from aiohttp import web
from msgspec import Struct

from poi_engine.errors import PoiError, RequestError
from poi_server.problem_codes import CATALOGUE, Explanation

MEDIA_TYPE = "application/problem+json"
_AT_PATH = re.compile(r" - at `(?P<path>[^`]*)`\Z")
_NAMED_FIELD = re.compile(r"(?:unknown|missing required) field `(?P<field>[^`]*)`")
_HTTP_CODES = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "too-large",
    414: "too-large",
    415: "unsupported-media-type",
    503: "unavailable",
}
_encoder = msgspec.json.Encoder()


class Mistake(Struct, frozen=True, kw_only=True):
    """One mistake in a body: where (`$.items[0].quantity`) and what."""

    path: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a request that could not be served. `type` leads to a page that explains `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    path: str | None = None
    errors: tuple[Mistake, ...] = ()


class Refusal(RequestError):
    """A refusal of the HTTP layer itself, with the headers its answer needs."""

    def __init__(
        self, status: int, code: str, message: str, *, path: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code, message, path=path, status=status)
        self.headers = headers or {}


def explanation(code: str) -> Explanation:
    """What the code's page says; a code without an entry of its own is explained by its words."""
    return CATALOGUE.get(code) or Explanation(code.replace("-", " ").capitalize(), "See the detail of the answer.")


def problem(code: str, status: int, detail: str, request_id: str, path: str | None = None) -> Problem:
    """A problem document for a code."""
    errors = (Mistake(path=path, detail=detail),) if path else ()
    return Problem(
        type=f"/problems/{code}",
        title=explanation(code).title,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
        path=path,
        errors=errors,
    )


def encode_problem(document: Problem) -> bytes:
    """The problem's JSON."""
    return _encoder.encode(document)


def problem_response(document: Problem, headers: dict[str, str] | None = None) -> web.Response:
    """The problem as an answer, always JSON."""
    return web.Response(body=encode_problem(document), status=document.status, headers=headers, content_type=MEDIA_TYPE)


def from_error(error: PoiError, request_id: str) -> Problem:
    """The problem of one of our own errors; what is our fault says nothing of its inside."""
    if error.status == 500:
        return internal(request_id)
    return problem(error.code, error.status, error.message, request_id, error.path)


def internal(request_id: str) -> Problem:
    """Our fault: the request id is all that goes out; the log has the rest."""
    return problem("internal", 500, f"Something broke here. The log has it under {request_id}.", request_id)


def from_http(error: web.HTTPException, request_id: str) -> Problem:
    """The problem of an error that aiohttp itself raised."""
    code = _HTTP_CODES.get(error.status, "malformed-request" if error.status < 500 else "unavailable")
    return problem(code, error.status, explanation(code).meaning, request_id)


def invalid(error: msgspec.ValidationError, *, code: str = "invalid-body", place: str = "$.{}") -> Refusal:
    """A body or query that does not fit its type, with the path of the mistake; `place` writes a top-level one."""
    text = str(error)
    found = _AT_PATH.search(text)
    path = found["path"] if found else "$"
    message = (text[: found.start()] if found else text).replace(r"\\Z", "$").replace(r"\Z", "$")
    if named := _NAMED_FIELD.search(message):
        path = f"{path}.{named['field']}"
    return Refusal(422, code, f"{message.rstrip('.')}.", path=place.format(path[2:]) if path.startswith("$.") else path)
