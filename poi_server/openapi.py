"""The OpenAPI 3.1 document, made from the route table and the types in the handlers' annotations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from poi_server.http import Route
from poi_server.problems import MEDIA_TYPE, Problem
from poi_server.wire import JSON, MSGPACK

_REF = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"\{(\w+):[^{}]*\}")
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_DESCRIPTION = (
    "Amounts are integers in minor units with an ISO 4217 code, quantities thousandths, percents basis points, times "
    "RFC 3339 in UTC. Every body and answer is JSON or MessagePack, by Content-Type and Accept. Errors are problems "
    "(RFC 9457) with a stable `code` and the JSON path of the mistake."
)


def document(table: Iterable[Route]) -> dict[str, Any]:
    """The document of all routes that are no pages."""
    routes = [route for route in table if not route.page]
    types = _Types(routes)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(_PLACEHOLDER.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route, types)
    info = {"title": "poi-server", "version": _VERSION, "description": _DESCRIPTION, "license": _LICENSE}
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {"schemas": types.schemas, "securitySchemes": _SCHEMES},
    }


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_SCHEMES = {
    "secret": {"type": "http", "scheme": "bearer", "description": "The secret of a credential or API key."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "poi_access", "description": "Set by signing in."},
}


def _version() -> str:
    try:
        return version("poi-server")
    except PackageNotFoundError:
        return "0"


_VERSION = _version()


class _Types:
    """The schemas of every type the routes mention."""

    def __init__(self, routes: list[Route]) -> None:
        types: list[Any] = [Problem]
        for route in routes:
            types += [kind for kind in _mentioned(route) if kind not in types]
        made = msgspec.json.schema_components(types, ref_template=_REF)
        found, schemas = msgspec.json.decode(msgspec.json.encode(made))  # tuples become lists
        self._types = types
        self._found = [_ecma(schema) for schema in found]
        self.schemas = {name: _ecma(schema) for name, schema in schemas.items()}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type, a reference where it has a name."""
        return dict(self._found[self._types.index(kind)])


def _mentioned(route: Route) -> list[Any]:
    signature = route.signature
    found = [] if route.raw else [signature.answer]
    if signature.body_name and signature.body is not None:
        found.append(signature.body)
    for kind in (signature.path_type, signature.query_type):
        found += [field.type for field in msgspec.structs.fields(kind)] if kind else []
    return found


def _ecma(schema: Any) -> Any:
    """Patterns as JSON Schema knows them: Python's `\\Z` is `$` there."""
    if isinstance(schema, dict):
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" and isinstance(value, str) else _ecma(value)
            for name, value in schema.items()
        }
    return [_ecma(part) for part in schema] if isinstance(schema, list) else schema


def _operation(route: Route, types: _Types) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": _description(route),
        "parameters": _parameters(route, types),
        "responses": _responses(route, types),
        "security": [] if route.open else [{"secret": [route.scope] if route.scope else []}, {"cookie": []}],
        "x-roles": sorted(route.roles),
    }
    if route.method in _BODY_METHODS and route.signature.body_name:
        operation["requestBody"] = {"required": True, "content": _body(route, types)}
    return operation


def _description(route: Route) -> str:
    who = "anyone" if route.open else ", ".join(sorted(route.roles))
    scope = f" Partners need the scope `{route.scope}`." if route.scope else ""
    text = inspect.getdoc(route.handler) or ""
    right = f" The person who acts needs the right `{route.right}`." if route.right else ""
    return f"{text}\n\nFor: {who}.{right}{scope}".strip()


def _parameters(route: Route, types: _Types) -> list[dict[str, Any]]:
    signature = route.signature
    found = [
        *_fields("path", signature.path_type, types),
        *_fields("query", signature.query_type, types),
    ]
    if route.idempotent:
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema})
    return found


def _fields(place: str, kind: type[Struct] | None, types: _Types) -> list[dict[str, Any]]:
    return [
        {
            "name": field.name,
            "in": place,
            "required": place == "path" or field.required,
            "schema": _with_default(types.of(field.type), field),
        }
        for field in (msgspec.structs.fields(kind) if kind else ())
    ]


def _with_default(schema: dict[str, Any], field: Any) -> dict[str, Any]:
    if field.required or field.default is None or "$ref" in schema:
        return schema
    return {**schema, "default": msgspec.json.decode(msgspec.json.encode(field.default))}


def _body(route: Route, types: _Types) -> dict[str, Any]:
    signature = route.signature
    content: dict[str, Any] = {}
    if signature.body is not None:
        schema = types.of(signature.body)
        content = {JSON: {"schema": schema}, MSGPACK: {"schema": schema}}
    return content | {media_type: {} for media_type in sorted(signature.uploads)}


def _responses(route: Route, types: _Types) -> dict[str, Any]:
    problem = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": types.of(Problem)}}}
    if route.websocket:
        return {"101": {"description": "The connection becomes a WebSocket."}, "default": problem}
    if route.status == 204:
        return {"204": {"description": "Done."}, "default": problem}
    if route.raw:
        return {str(route.status): {"description": route.summary, "content": {route.produces: {}}}, "default": problem}
    schema = types.of(route.signature.answer)
    content = {JSON: {"schema": schema}, MSGPACK: {"schema": schema}}
    return {str(route.status): {"description": _answer_words(route), "content": content}, "default": problem}


def _answer_words(route: Route) -> str:
    answer = route.signature.answer
    members = get_args(answer) if get_origin(answer) in (Union, UnionType) else (answer,)
    words = [inspect.getdoc(kind) or "" for kind in members if isinstance(kind, type) and issubclass(kind, Struct)]
    return (words[0].partition("\n")[0] if words else "") or route.summary
