"""The API's own description: the document, the reference page, a page for each problem."""

import re
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from poi_server.http import Route
from poi_server.openapi import document
from poi_server.problem_codes import CATALOGUE, PARTS
from poi_server.routes import route_table
from tests.server.shop import Shop


def operations() -> list[tuple[Route, dict[str, object]]]:
    """Each route that is no page, with its operation in the document."""
    paths = document(route_table())["paths"]
    return [(route, paths[route.path][route.method.lower()]) for route in route_table() if not route.page]


def test_somebody_elses_reader_accepts_the_document() -> None:
    OpenAPIV31SpecValidator(document(route_table())).validate()


def test_every_operation_says_what_it_is_for_whom_and_how_to_come_in() -> None:
    for route, operation in operations():
        assert operation["summary"], route.path
        assert operation["x-roles"] == sorted(route.roles)
        assert operation["security"] == [] if route.open else operation["security"], route.path


def test_names_and_addresses_are_used_once() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))
    places = [(route.method, route.path) for route in route_table()]
    assert len(places) == len(set(places))


def test_every_body_forbids_unknown_fields() -> None:
    schemas = document(route_table())["components"]["schemas"]

    def reached(schema: object, seen: set[str]) -> None:
        for name in re.findall(r"#/components/schemas/([\w.]+)", repr(schema)):
            if name not in seen:
                seen.add(name)
                reached(schemas[name], seen)

    for route, operation in operations():
        names: set[str] = set()
        reached(operation.get("requestBody"), names)
        for name in names:
            if schemas[name].get("type") == "object":
                assert schemas[name].get("additionalProperties") is False, f"{route.path}: {name}"


def test_what_moves_money_asks_for_an_idempotency_key() -> None:
    for route, operation in operations():
        headers = [part["name"] for part in operation["parameters"] if part["in"] == "header"]  # type: ignore[attr-defined]
        assert headers == (["Idempotency-Key"] if route.idempotent else [])
        if route.method == "POST" and route.path.endswith(("/pay", "/refunds")):
            assert route.idempotent


async def test_the_document_and_the_reference_are_served_to_anyone(shop: Shop) -> None:
    served = await shop.ask("GET", "/v1/openapi.json", role=None)
    assert served.json["openapi"] == "3.1.0"
    page = await shop.ask("GET", "/docs", role=None)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    text = page.content.decode()
    assert "<script" not in text
    assert " style=" not in text
    for route, _ in operations():
        assert route.path in text
    assert (await shop.ask("GET", "/docs/docs.css", role=None)).headers["Content-Type"].startswith("text/css")


async def test_every_problem_code_has_a_page(shop: Shop) -> None:
    for code in ("decide-again", "sign-in", "some-new-code"):
        page = await shop.ask("GET", f"/problems/{code}", role=None)
        assert page.status == 200
        assert code in page.content.decode()


async def test_a_problem_page_shows_its_address_as_text(shop: Shop) -> None:
    page = await shop.ask("GET", "/problems/%3Cscript%3Ealert(1)%3C%2Fscript%3E", role=None)
    assert b"<script" not in page.content


def test_every_code_that_the_server_raises_is_explained() -> None:
    found: set[str] = set()
    root = Path(__file__).parents[2] / "poi_server"
    for file in (root / "auth.py", root / "limits.py", root / "endpoint.py", root / "wire.py", root / "connections.py"):
        found |= set(re.findall(r'\d{3}, "([a-z-]+)"', file.read_text("utf-8")))
    assert found
    assert found <= set(CATALOGUE)


def test_a_problem_code_is_explained_once() -> None:
    assert sum(len(part.CODES) for part in PARTS) == len(CATALOGUE)
