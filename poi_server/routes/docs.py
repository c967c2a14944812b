"""The API reference, the OpenAPI document behind it, and a page for each problem code. Readable without JavaScript."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from jinja2 import DictLoader, Environment, select_autoescape

from poi_server.http import ANYONE, Call, Route, Routes
from poi_server.openapi import document
from poi_server.problem_codes import CATALOGUE
from poi_server.problems import explanation

routes = Routes("reference")
_FOLDER = Path(__file__).parent.parent / "reference"
_SOURCES = {file.name: file.read_text("utf-8") for file in _FOLDER.iterdir() if file.suffix in (".html", ".css")}


@routes.get("/v1/openapi.json", roles=ANYONE, summary="This API as an OpenAPI 3.1 document")
async def openapi(call: Call) -> web.Response:
    """For generators and testers."""
    body = _document_bytes(call.services.table)
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-cache"})


@routes.get("/docs", roles=ANYONE, page=True, summary="The API reference")
async def reference(call: Call) -> web.Response:
    """Every route with its types."""
    return _page("docs.html", api=document(call.services.table), codes=CATALOGUE, address=call.base_url)


@routes.get("/docs/docs.css", roles=ANYONE, page=True, summary="The reference's style")
async def style(call: Call) -> web.Response:
    """Its style sheet."""
    return web.Response(text=_SOURCES["docs.css"], content_type="text/css", headers={"Cache-Control": "no-cache"})


@routes.get("/problems/{code}", roles=ANYONE, page=True, summary="What a problem code means")
async def problem_page(call: Call, code: str) -> web.Response:
    """The page that a problem's `type` leads to."""
    return _page("problem.html", code=code, words=explanation(code), known=code in CATALOGUE)


@cache
def _document_bytes(table: tuple[Route, ...]) -> bytes:
    return msgspec.json.encode(document(table))


@cache
def _environment() -> Environment:
    return Environment(
        loader=DictLoader(_SOURCES),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _page(name: str, **values: Any) -> web.Response:
    text = _environment().get_template(name).render(**values, type_of=_type_words, problem_words=explanation)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})


def _type_words(schema: dict[str, Any]) -> str:
    """A schema in a few words: `array of SaleItem`, `integer`, `"fr" | "en"`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(msgspec.json.encode(value).decode() for value in schema["enum"])
    if "const" in schema:
        return msgspec.json.encode(schema["const"]).decode()
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(_type_words(part) for part in schema[several])
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"array of {_type_words(items)}" if isinstance(items, dict) and items else "array"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type_words(schema['additionalProperties'])}"
    return str(schema.get("type", "any"))
