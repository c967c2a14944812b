"""Bodies, answers, media types, headers and limits of the HTTP layer."""

import asyncio

import msgpack
import msgspec
import pytest

from poi_server.config import Http, Limits
from poi_server.wire import chosen_type
from tests.server.shop import Shop, open_shop

STORE = {"name": "Bakery", "zone": "Europe/Paris"}


async def test_an_answer_carries_its_request_id_and_the_security_headers(shop: Shop) -> None:
    answer = await shop.ask("GET", "/v1/access/me", headers={"Request-Id": "till-7_42"})
    assert answer.headers["Request-Id"] == "till-7_42"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "camera=(self)" in answer.headers["Permissions-Policy"]
    assert answer.headers["Server"] == "poi-server"


async def test_a_strange_request_id_is_replaced(shop: Shop) -> None:
    answer = await shop.ask("GET", "/livez", headers={"Request-Id": "x" * 65})
    assert len(answer.headers["Request-Id"]) == 16


async def test_messagepack_says_the_same_as_json(shop: Shop) -> None:
    made = await shop.ask(
        "POST", "/v1/stores", data=msgpack.packb(STORE), headers={"Content-Type": "application/msgpack"}
    )
    assert made.status == 201
    as_json = await shop.ask("GET", "/v1/stores")
    as_msgpack = await shop.ask("GET", "/v1/stores", headers={"Accept": "application/msgpack"})
    assert as_msgpack.headers["Content-Type"] == "application/msgpack"
    assert msgpack.unpackb(as_msgpack.content) == as_json.json
    assert "Bakery" in {store["name"] for store in as_json.json["items"]}


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/msgpack", "application/msgpack"),
        ("application/json;q=0.5, application/msgpack", "application/msgpack"),
        ("application/vnd.msgpack", "application/vnd.msgpack"),
        ("application/json, application/msgpack;q=oops", "application/json"),
    ],
)
def test_the_accept_header_chooses_the_form(accept: str, chosen: str) -> None:
    assert chosen_type(accept) == chosen


async def test_no_acceptable_form_is_406(shop: Shop) -> None:
    answer = await shop.ask("GET", "/v1/access/me", headers={"Accept": "text/html"})
    assert (answer.status, answer.code) == (406, "not-acceptable")


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code", "path"),
    [
        (b'{"name": "x",', "application/json", 400, "malformed-body", "$"),
        (b"", "application/json", 400, "malformed-body", "$"),
        (b'{"name": "\xff", "zone": "UTC"}', "application/json", 400, "malformed-body", "$"),
        (b"[" * 60_000, "application/json", 422, "invalid-body", "$"),
        (b"\x91" * 60_000, "application/msgpack", 422, "invalid-body", "$"),
        (b'{"zone": "UTC"}', "application/json", 422, "invalid-body", "$.name"),
        (b'{"name": "x", "zone": "UTC", "open": 1}', "application/json", 422, "invalid-body", "$.open"),
        (
            b'{"name": "x", "zone": "UTC", "regions": ["FR", "x"]}',
            "application/json",
            422,
            "invalid-body",
            "$.regions[1]",
        ),
        (b'{"name": "x", "zone": "UTC", "lat": 91, "lon": 0}', "application/json", 422, "invalid-body", "$.lat"),
        (b'{"name": "x", "zone": "UTC", "lat": 1}', "application/json", 422, "half-a-place", "$.lat"),
        (b'{"name": "x\\u0000", "zone": "UTC"}', "application/json", 422, "nul-character", "$.name"),
        (b'{"name": "x", "zone": "Mars/Base"}', "application/json", 422, "unknown-zone", "$.zone"),
        (msgpack.packb({"name": "\0", "zone": "UTC"}), "application/msgpack", 422, "nul-character", "$.name"),
        (
            msgpack.packb({"name": "x", "zone": "UTC", "lat": float("nan"), "lon": 0.0}),
            *("application/msgpack", 422, "invalid-body", "$.lat"),
        ),
        (b"<xml/>", "application/xml", 415, "unsupported-media-type", None),
        (b'{"name": "x", "zone": "UTC"}', "application/json; charset=latin-1", 415, "unsupported-media-type", None),
        (b"\x89PNG", "image/png", 415, "unsupported-media-type", None),
    ],
)
async def test_a_wrong_body_is_a_problem_with_its_path(
    shop: Shop, body: bytes, media_type: str, status: int, code: str, path: str | None
) -> None:
    answer = await shop.ask("POST", "/v1/stores", data=body, headers={"Content-Type": media_type})
    assert (answer.status, answer.code, answer.json.get("path")) == (status, code, path)
    assert answer.json["type"] == f"/problems/{code}"
    assert len((await shop.ask("GET", "/v1/stores")).json["items"]) == 1, "nothing was half-written"


async def test_a_backslash_before_u0000_is_ordinary_text(shop: Shop) -> None:
    answer = await shop.ask("POST", "/v1/stores", {"name": "a\\u0000", "zone": "UTC"})
    assert (answer.status, answer.json["name"]) == (201, "a\\u0000")


async def test_unknown_query_parameters_and_bodies_where_none_belongs_are_refused(shop: Shop) -> None:
    answer = await shop.ask("GET", "/v1/stores?colour=red")
    assert (answer.status, answer.code, answer.json["path"]) == (422, "invalid-parameter", "?colour")
    answer = await shop.ask("POST", "/v1/access/leave", {"x": 1}, role=None)
    assert (answer.status, answer.json["path"]) == (422, "$.x")


async def test_head_answers_as_get_without_a_body(shop: Shop) -> None:
    head, got = await shop.ask("HEAD", "/v1/stores"), await shop.ask("GET", "/v1/stores")
    assert (head.status, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.content))
    assert (await shop.ask("HEAD", "/v1/stores", role=None)).status == 401


async def test_unknown_addresses_and_methods_are_problems(shop: Shop) -> None:
    assert (await shop.ask("GET", "/v1/nothing")).code == "not-found"
    answer = await shop.ask("DELETE", "/v1/stores")
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]


async def test_a_body_over_the_limit_is_413(shop: Shop) -> None:
    body = msgspec.json.encode({"name": "x" * 70_000, "zone": "UTC"})
    answer = await shop.ask("POST", "/v1/stores", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (413, "too-large")


async def test_a_chunked_body_over_the_limit_is_413(shop: Shop) -> None:
    async def chunks():  # type: ignore[no-untyped-def]
        for _ in range(100):
            yield b" " * 1000

    answer = await shop.ask("POST", "/v1/stores", data=chunks(), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (413, "too-large")


async def test_an_unexpected_exception_says_nothing_of_its_inside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_merchant_id: str) -> None:
        raise ValueError("the inside")

    monkeypatch.setattr(shop.services.setup, "stores", broken)
    answer = await shop.ask("GET", "/v1/stores")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"inside" not in answer.content
    assert answer.headers["Request-Id"] in answer.json["detail"]


class TestSlowness:
    """Headers, bodies and connections have limits of their own."""

    @pytest.fixture
    async def hasty(self, tmp_path, sqlite_url, valkey_url):  # type: ignore[no-untyped-def]
        limits = Limits(header_seconds=0.3, body_seconds=0.3, connections_per_address=4)
        async with open_shop(tmp_path, valkey_url, limits=limits) as opened:
            yield opened

    async def test_headers_that_never_end_are_408(self, hasty: Shop) -> None:
        answer = await hasty.raw(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"too-slow"' in answer

    async def test_a_connection_that_says_nothing_is_closed(self, hasty: Shop) -> None:
        assert (await hasty.raw(b"")).startswith(b"HTTP/1.1 408 ")

    async def test_second_headers_on_a_kept_connection_have_the_same_limit(self, hasty: Shop) -> None:
        whole = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = await hasty.raw(whole, then=0.1, more=b"GET /livez HTT")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in answer

    async def test_a_half_sent_body_is_408_and_closes(self, hasty: Shop) -> None:
        head = (
            f"POST /v1/stores HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {hasty.secrets['owner']}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        )
        answer = await hasty.raw(head.encode() + b'{"name":')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"too-slow"' in answer
        assert len((await hasty.ask("GET", "/v1/stores")).json["items"]) == 1

    async def test_one_address_has_a_share_of_the_connections(self, hasty: Shop) -> None:
        await hasty.http.connector.close()  # type: ignore[union-attr]
        open_ones = [await asyncio.open_connection("127.0.0.1", hasty.serving.port) for _ in range(4)]
        try:
            assert (await hasty.raw(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        finally:
            for _, writer in open_ones:
                writer.close()


async def test_a_foreign_host_is_refused(shop: Shop) -> None:
    answer = await shop.ask("GET", "/livez", headers={"Host": "evil.example"}, role=None)
    assert (answer.status, answer.code) == (421, "host-unknown")
    assert (await shop.ask("GET", "/livez", headers={"Host": "LOCALHOST:1"}, role=None)).status == 200


async def test_plain_http_past_a_declared_proxy_is_taken_from_this_machine_only(
    tmp_path,
    sqlite_url,
    valkey_url,  # type: ignore[no-untyped-def]
) -> None:
    http = Http(port=0, proxies=("192.0.2.0/24",), public_url="https://shop.example")
    async with open_shop(tmp_path, valkey_url, http=http) as shop:
        answer = await shop.ask("GET", "/livez", headers={"Host": "shop.example"}, role=None)
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"]
