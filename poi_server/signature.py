"""What a handler takes and gives, read once from its annotations when the route is registered."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from poi_server.problems import invalid
from poi_server.wire import CSV_TYPES, IMAGE_TYPES, JSON, JSON_TYPES, CsvUpload, JsonUpload, Nothing, Reader, Upload

JSON_BYTES = 64 * 1024
IMAGE_BYTES = 8 * 1024 * 1024
_UPLOADS: dict[Any, frozenset[str]] = {Upload: IMAGE_TYPES, CsvUpload: CSV_TYPES, JsonUpload: JSON_TYPES}
_PLACEHOLDER = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
PathText = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


@dataclass(frozen=True)
class Signature:
    """The types of one handler. `path_type` and `query_type` are Structs made from its parameters."""

    body: Any
    body_name: bool
    path_type: type[Struct] | None
    query_type: type[Struct] | None
    answer: Any
    reader: Reader
    uploads: frozenset[str]

    def limit_for(self, media_type: str) -> int:
        """The most bytes a body of this media type may have."""
        return IMAGE_BYTES if media_type in self.uploads and media_type != JSON else JSON_BYTES

    def parameters(self, request: web.Request, *, strict: bool) -> dict[str, Any]:
        """The handler's path and query parameters, converted; unknown query parameters are refused when strict."""
        found: dict[str, Any] = {}
        if self.path_type:
            found |= _converted(dict(request.match_info), self.path_type, "{{{}}}")
        query = request.rel_url.query
        if self.query_type:
            found |= _converted(_known(dict(query), self.query_type, strict), self.query_type, "?{}")
        elif query and strict:
            _converted(dict(query), Nothing, "?{}")
        return found


def _known(values: dict[str, str], kind: type[Struct], strict: bool) -> dict[str, str]:
    return values if strict else {name: values[name] for name in kind.__struct_fields__ if name in values}


def _converted(values: dict[str, str], kind: type[Struct], place: str) -> dict[str, Any]:
    try:
        return msgspec.structs.asdict(msgspec.convert(values, kind, strict=False))
    except msgspec.ValidationError as error:
        raise invalid(error, code="invalid-parameter", place=place) from None


def read_signature(handler: Callable[..., Any], path: str) -> Signature:
    """The signature of `handler` at `path`; a mistake in it is a TypeError when the module is imported."""
    hints = get_type_hints(handler, include_extras=True)
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    in_path = set(_PLACEHOLDER.findall(path))
    if missing := in_path - {parameter.name for parameter in parameters}:
        raise TypeError(f"{path}: the handler has no parameter {sorted(missing)}")
    body = hints.get("body", Nothing)
    decoded, uploads = _split_upload(body)
    if decoded is not None:
        _check_strict(path, decoded)
    others = [parameter for parameter in parameters if parameter.name != "body"]
    return Signature(
        body=decoded,
        body_name="body" in hints,
        path_type=_struct("Path", [p for p in others if p.name in in_path], hints),
        query_type=_struct("Query", [p for p in others if p.name not in in_path], hints),
        answer=hints["return"],
        reader=Reader(Nothing if decoded is None else decoded, optional="body" not in hints, uploads=uploads),
        uploads=uploads,
    )


def _split_upload(body: Any) -> tuple[Any, frozenset[str]]:
    members = get_args(body) if get_origin(body) in (Union, UnionType) else (body,)
    uploads = frozenset().union(*(types for kind, types in _UPLOADS.items() if kind in members))
    if not uploads:
        return body, uploads
    rest = tuple(member for member in members if member not in _UPLOADS)
    return (Union[rest] if rest else None), uploads  # noqa: UP007 (a union made at run time)


def _check_strict(path: str, body: Any) -> None:
    for member in get_args(body) or (body,):
        if (
            isinstance(member, type)
            and issubclass(member, Struct)
            and not member.__struct_config__.forbid_unknown_fields
        ):
            raise TypeError(f"{path}: {member.__name__} must forbid unknown fields")


def _struct(name: str, parameters: list[inspect.Parameter], hints: dict[str, Any]) -> type[Struct] | None:
    if not parameters:
        return None
    fields: list[Any] = []
    for parameter in parameters:
        kind = hints[parameter.name]
        kind = PathText if name == "Path" and kind is str else kind
        known = parameter.default is not inspect.Parameter.empty
        fields.append((parameter.name, kind, parameter.default) if known else (parameter.name, kind))
    return msgspec.defstruct(name, fields, frozen=True, kw_only=True, forbid_unknown_fields=True)
