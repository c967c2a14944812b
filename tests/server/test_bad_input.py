"""Bad input: each gets its problem code and the path of the mistake, and nothing is half-written."""

import asyncio
import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from poi_engine.ports import Job, Query
from poi_engine.storage.schema import metadata
from poi_server.config import Http, Limits
from tests.server.shop import Answer, Shop, open_shop

pytestmark = pytest.mark.valkey

JSON = {"Content-Type": "application/json"}
STORE = {"name": "Store", "zone": "Europe/Paris"}
OFFER: dict[str, Any] = {
    "offer_id": "off_x",
    "name": {"en": "X"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000}],
}
SQUARE = [[2.0, 48.0], [3.0, 48.0], [3.0, 49.0], [2.0, 49.0], [2.0, 48.0]]
BOW_TIE = [[2.0, 48.0], [3.0, 49.0], [3.0, 48.0], [2.0, 49.0], [2.0, 48.0]]
HOLE_OUTSIDE = [[5.0, 50.0], [6.0, 50.0], [6.0, 51.0], [5.0, 51.0], [5.0, 50.0]]
NEVER = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
RULE = {"type": "recurrence", "start": "2026-01-01T10:00:00", "minutes": 60}


def offer(**changes: Any) -> dict[str, Any]:
    """An offer that is right but for these fields."""
    return {**OFFER, **changes}


def effect(**fields: Any) -> dict[str, Any]:
    """An offer with this effect."""
    return offer(effects=[fields])


def where(condition: dict[str, Any]) -> dict[str, Any]:
    """An offer under a condition, one level deep."""
    return offer(conditions={"type": "all", "of": [condition]})


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    """An offer within rings."""
    return where({"type": "polygon", "rings": list(rings)})


def rule(text: str, **changes: Any) -> dict[str, Any]:
    """An offer at the times of a rule."""
    return where({**RULE, "rrule": text, **changes})


def lines(*entries: dict[str, Any]) -> dict[str, Any]:
    """A basket."""
    return {"entries": list(entries)}


async def row_counts(shop: Shop) -> dict[str, int]:
    """How many rows every table holds, but for the queue that a round of the server's own empties meanwhile."""

    def job() -> Job[dict[str, int]]:
        counts = {}
        for table in metadata.tables.keys() - {"segment_due"}:
            counts[table] = int((yield Query(f"select count(*) as n from {table}"))[0]["n"])
        return counts

    return await shop.services.sql.read(job)


async def opened(shop: Shop) -> dict[str, Any]:
    """A session with one line."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {})).json
    answer = await shop.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", lines({"amount": 1000}))
    return dict(answer.json)


def refused(answer: Answer, status: int, code: str, path: str | None) -> None:
    """The answer is this problem, at this place."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    problem = answer.json
    assert (problem["status"], problem["code"], problem.get("path")) == (status, code, path), problem
    assert answer.status == status
    assert problem["detail"]
    assert problem["type"] == f"/problems/{code}"


AT = "$.conditions.of[0]"
BACKWARDS = {"type": "dates", "first": "2026-02-01", "last": "2026-01-01"}
LATE = {"type": "weekly", "windows": [{"days": [1], "start": "25:00", "end": "26:00"}]}
OFFERS: list[tuple[str, dict[str, Any], str, str]] = [
    ("unknown field", offer(colour="red"), "invalid-body", "$.colour"),
    ("unknown field inside", effect(type="percent_off", percent=5, x=1), "invalid-body", "$.effects[0].x"),
    ("no effect", offer(effects=[]), "invalid-body", "$.effects"),
    ("unknown effect", effect(type="magic"), "invalid-body", "$.effects[0].type"),
    ("too much percent", effect(type="percent_off", percent=10_001), "invalid-body", "$.effects[0].percent"),
    ("negative amount", effect(type="amount_off", amount=-1), "invalid-body", "$.effects[0].amount"),
    ("huge amount", effect(type="amount_off", amount=10**18), "invalid-body", "$.effects[0].amount"),
    ("amount beyond 64 bits", effect(type="amount_off", amount=10**30), "invalid-body", "$.effects[0].amount"),
    ("wrong currency", offer(currency="USD"), "currency-differs", "$.currency"),
    ("no currency", offer(currency="euro"), "invalid-body", "$.currency"),
    ("no name", offer(name={}), "name-missing", "$.name"),
    ("blank name", offer(name={"en": "  "}), "blank-text", "$.name.en"),
    ("circle without radius", where({"type": "circle", "lat": 1, "lon": 2}), "invalid-body", f"{AT}.radius"),
    ("latitude 91", where({"type": "circle", "lat": 91, "lon": 2, "radius": 5}), "invalid-body", f"{AT}.lat"),
    ("self-crossing ring", polygon(BOW_TIE), "ring-crosses-itself", f"{AT}.rings[0][2]"),
    ("open ring", polygon([*SQUARE[:-1], [2.5, 48.5]]), "ring-open", f"{AT}.rings[0][4]"),
    ("hole outside", polygon(SQUARE, HOLE_OUTSIDE), "hole-outside", f"{AT}.rings[1][0]"),
    ("rule that never fires", rule(NEVER), "rrule-never-fires", f"{AT}.rrule"),
    ("rule of nonsense", rule("FREQ=SOMETIMES"), "rrule-malformed", f"{AT}.rrule"),
    ("rule by the second", rule("FREQ=SECONDLY"), "rrule-malformed", f"{AT}.rrule"),
    ("dates backwards", where(BACKWARDS), "dates-reversed", f"{AT}.last"),
    ("29 February 2026", where({"type": "dates", "first": "2026-02-29"}), "invalid-body", f"{AT}.first"),
    ("hour 25", where(LATE), "invalid-body", f"{AT}.windows[0].start"),
]


@pytest.mark.parametrize(("name", "body", "code", "path"), OFFERS, ids=[row[0] for row in OFFERS])
async def test_an_offer_that_is_wrong(shop: Shop, name: str, body: dict[str, Any], code: str, path: str) -> None:
    before = await row_counts(shop)
    refused(await shop.ask("POST", "/v1/offers", body), 422, code, path)
    assert await row_counts(shop) == before


async def test_an_offer_whose_conditions_have_no_end(shop: Shop) -> None:
    before = await row_counts(shop)
    for depth in (200, 2000):
        deep = b'{"type":"not","of":' * depth + b'{"type":"first_purchase"}' + b"}" * depth
        sent = msgspec.json.encode(OFFER)[:-1] + b',"conditions":' + deep + b"}"
        answer = await shop.ask("POST", "/v1/offers", data=sent, headers=JSON)
        assert answer.status in (400, 422), answer.content
        assert answer.json["path"].startswith("$"), answer.json
    assert await row_counts(shop) == before


LINE = "$.entries[0]"
BASKETS: list[tuple[str, dict[str, Any], str, str]] = [
    ("negative quantity", lines({"code": "tea", "quantity": -1000}), "bad-quantity", f"{LINE}.quantity"),
    ("no quantity", lines({"code": "tea", "quantity": 0}), "bad-quantity", f"{LINE}.quantity"),
    ("huge quantity", lines({"code": "tea", "quantity": 10**12}), "bad-quantity", f"{LINE}.quantity"),
    ("quantity of a fraction", lines({"code": "tea", "quantity": 0.5}), "invalid-body", f"{LINE}.quantity"),
    ("negative amount", lines({"amount": 5}, {"amount": -1}), "bad-amount", "$.entries[1].amount"),
    ("huge amount", lines({"amount": 10**15}), "bad-amount", f"{LINE}.amount"),
    ("amount beyond 64 bits", lines({"amount": 10**25}), "bad-amount", f"{LINE}.amount"),
    ("amount in words", lines({"amount": "12.50"}), "invalid-body", f"{LINE}.amount"),
    ("true as an amount", lines({"amount": True}), "invalid-body", f"{LINE}.amount"),
    ("amount and code", lines({"amount": 5, "code": "tea"}), "code-or-amount", LINE),
    ("neither", lines({}), "code-or-amount", LINE),
    ("unknown product", lines({"amount": 5}, {"code": "nothing"}), "unknown-product", "$.entries[1].code"),
    ("unknown field", lines({"amount": 5, "price": 4}), "invalid-body", f"{LINE}.price"),
    ("same line twice", lines({"line_id": "1", "amount": 5}, {"line_id": "1", "amount": 6}), "duplicate-line", ""),
    ("too many lines", lines(*[{"amount": 5}] * 201), "invalid-body", "$.entries"),
    ("a list instead", {"entries": {"amount": 5}}, "invalid-body", "$.entries"),
    ("NUL in a label", lines({"amount": 5, "label": "a\0b"}), "nul-character", f"{LINE}.label"),
]


@pytest.mark.parametrize(("name", "body", "code", "path"), BASKETS, ids=[row[0] for row in BASKETS])
async def test_a_basket_that_is_wrong(shop: Shop, name: str, body: dict[str, Any], code: str, path: str) -> None:
    session = await opened(shop)
    before = await row_counts(shop)
    address = f"/v1/sessions/{session['session_id']}"
    refused(await shop.ask("PUT", f"{address}/basket", body), 422, code, path or "$.entries[1].line_id")
    assert await row_counts(shop) == before
    assert (await shop.ask("GET", address)).json == session


ITEM = {"line_id": "1", "label": "Tea", "unit_price": 300}
ASKED = {"currency": "EUR", "items": [ITEM]}
DECISIONS: list[tuple[str, dict[str, Any], str, str]] = [
    ("no place", ASKED, "place-or-store", "$.place"),
    ("no zone", {**ASKED, "place": {"lat": 1, "lon": 2, "zone": "Europe/Atlantis"}}, "unknown-zone", "$.place.zone"),
    ("zone that climbs", {**ASKED, "place": {"lat": 1, "lon": 2, "zone": "../passwd"}}, "unknown-zone", "$.place.zone"),
    ("a time without offset", {**ASKED, "at": "2026-01-01T10:00:00"}, "naive-time", "$.at"),
    (
        "negative price",
        {"currency": "EUR", "items": [{**ITEM, "unit_price": -1}]},
        "invalid-body",
        "$.items[0].unit_price",
    ),
    ("same line twice", {"currency": "EUR", "items": [ITEM, ITEM]}, "line-twice", "$.items[1]"),
    ("card number as BIN", {**ASKED, "payment": {"bin": "4111111111111111"}}, "invalid-body", "$.payment.bin"),
]


@pytest.mark.parametrize(("name", "body", "code", "path"), DECISIONS, ids=[row[0] for row in DECISIONS])
async def test_a_question_that_is_wrong(shop: Shop, name: str, body: dict[str, Any], code: str, path: str) -> None:
    asked = body if name == "no place" or "place" in body else {**body, "store_id": shop.store_id}
    before = await row_counts(shop)
    refused(await shop.ask("POST", "/v1/decisions", asked), 422, code, path)
    assert await row_counts(shop) == before


async def test_a_question_in_another_currency_than_the_merchants(shop: Shop) -> None:
    answer = await shop.ask("POST", "/v1/decisions", {**ASKED, "currency": "USD", "store_id": shop.store_id})
    assert (answer.status, answer.code, answer.json.get("path")) == (422, "currency-differs", "$.currency")


DEEP = b"[" * 20_000 + b"]" * 20_000
BODIES: list[tuple[str, bytes, int, str, str]] = [
    ("nothing", b"", 400, "malformed-body", "$"),
    ("half a body", b'{"name": "Sto', 400, "malformed-body", "$"),
    ("two bodies", b'{"name":"Store","zone":"Europe/Paris"}{}', 400, "malformed-body", "$"),
    ("a trailing comma", b'{"name":"Store","zone":"Europe/Paris",}', 400, "malformed-body", "$"),
    ("not UTF-8", b'{"name":"Caf\xe9","zone":"Europe/Paris"}', 400, "malformed-body", "$"),
    ("an overlong NUL", b'{"name":"a\xc0\x80","zone":"Europe/Paris"}', 400, "malformed-body", "$"),
    ("half a pair of surrogates", b'{"name":"\\ud800","zone":"Europe/Paris"}', 400, "malformed-body", "$"),
    ("a raw NUL", b'{"name":"a\x00b","zone":"Europe/Paris"}', 400, "malformed-body", "$"),
    ("a written NUL", b'{"name":"a\\u0000b","zone":"Europe/Paris"}', 422, "nul-character", "$.name"),
    ("a number", b"7", 422, "invalid-body", "$"),
    ("NaN", b'{"name":"Store","zone":"Europe/Paris","lat":NaN,"lon":1}', 400, "malformed-body", "$"),
    ("infinity", b'{"name":"Store","zone":"Europe/Paris","lat":1e999,"lon":1}', 422, "invalid-body", "$.lat"),
    ("UTF-16", '{"name":"Store"}'.encode("utf-16"), 400, "malformed-body", "$"),
    ("very deep", DEEP, 422, "invalid-body", "$"),
    ("a large one", b'{"name":"' + b"x" * 70_000 + b'"}', 413, "too-large", ""),
]


@pytest.mark.parametrize(("name", "sent", "status", "code", "path"), BODIES, ids=[row[0] for row in BODIES])
async def test_a_body_that_cannot_be_read(
    shop: Shop, name: str, sent: bytes, status: int, code: str, path: str
) -> None:
    before = await row_counts(shop)
    refused(await shop.ask("POST", "/v1/stores", data=sent, headers=JSON), status, code, path or None)
    assert await row_counts(shop) == before


async def test_messagepack_is_judged_alike(shop: Shop) -> None:
    packed = {"Content-Type": "application/msgpack"}
    before = await row_counts(shop)
    for sent, status, code, path in (
        (b"\xc1", 400, "malformed-body", "$"),
        (msgspec.msgpack.encode({**STORE, "name": "a\0b"}), 422, "nul-character", "$.name"),
        (msgspec.msgpack.encode({**STORE, "more": 1}), 422, "invalid-body", "$.more"),
        (b"\xdd\xff\xff\xff\xff", 422, "invalid-body", "$"),
        (b"\x81\xa4name\xa2\xff\xfe", 400, "malformed-body", "$"),
    ):
        refused(await shop.ask("POST", "/v1/stores", data=sent, headers=packed), status, code, path)
    assert await row_counts(shop) == before


async def test_other_kinds_of_body_are_not_read(shop: Shop) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "nonsense"):
        answer = await shop.ask("POST", "/v1/stores", data=b"{}", headers={"Content-Type": kind})
        refused(answer, 415, "unsupported-media-type", None)


async def test_parameters_that_do_not_fit(shop: Shop) -> None:
    for query, path in (("limit=0", "limit"), ("limit=x", "limit"), ("limit=99999999999999999999", "limit")):
        answer = await shop.ask("GET", f"/v1/sales?{query}")
        assert (answer.status, answer.code) == (422, "invalid-parameter"), answer.json
        assert path in answer.json["path"]


def png(picture: Image.Image) -> bytes:
    """A picture's file."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it is enormous."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURES: list[tuple[str, bytes, int]] = [
    ("nothing", b"", 422),
    ("noise", b"\x00\xff" * 500, 422),
    ("half a picture", png(Image.new("L", (300, 300)))[:60], 422),
    ("a decompression bomb", bomb(60_000, 60_000), 422),
    ("a picture of no size", bomb(0, 0), 422),
    ("a large file", b"\x89PNG\r\n\x1a\n" + b"\0" * (8 * 1024 * 1024), 413),
]


@pytest.mark.parametrize(("name", "sent", "status"), PICTURES, ids=[row[0] for row in PICTURES])
async def test_a_picture_that_is_none(shop: Shop, name: str, sent: bytes, status: int) -> None:
    before = await row_counts(shop)
    address = f"/v1/stations/{shop.station_id}/scan?still=1"
    answer = await shop.ask("POST", address, data=io.BytesIO(sent), headers={"Content-Type": "image/png"})
    assert answer.status == status, answer.json
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await row_counts(shop) == before
    assert (await shop.ask("GET", "/livez")).status == 200


@pytest.mark.parametrize("text", ["]d2(01)nonsense", "POI1:123", "https://", "\x01\x02", "0" * 4096, "🙂" * 500])
async def test_a_line_that_no_scanner_types(shop: Shop, text: str) -> None:
    answer = await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": text})
    assert answer.status in (200, 422), answer.json
    if answer.status == 200:
        assert answer.json["session"]["notice"]["code"] in ("unreadable", "unknown-product", "unknown-credential")
    assert (await shop.ask("GET", "/v1/customers")).json["items"][1:] == []


async def test_html_in_names_comes_back_as_the_text_it_is(shop: Shop) -> None:
    html = "<script>alert('x')</script><img src=x onerror=y>&amp;"
    product = {"code": "tea", "label": html, "unit_price": 300}
    assert (await shop.ask("PUT", "/v1/products/tea", product)).json["label"] == html
    customer = await shop.ask("POST", "/v1/customers", {"display_name": html})
    assert customer.json["display_name"] == html
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {})).json
    path = f"/v1/sessions/{session['session_id']}/basket"
    answer = await shop.ask("PUT", path, lines({"code": "tea"}, {"amount": 100, "label": html}))
    assert [item["label"] for item in answer.json["basket"]["items"]] == [html, html]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_accept_of_another_total_or_decision(shop: Shop) -> None:
    session = await opened(shop)
    before = await row_counts(shop)
    path = f"/v1/sessions/{session['session_id']}"
    for body in (
        {"decision_id": session["decision_id"], "total": 999},
        {"decision_id": "dec_other", "total": 1000},
    ):
        refused(await shop.ask("POST", f"{path}/accept", body), 409, "decision-changed", None)
    body = {"decision_id": session["decision_id"], "total": -1}
    refused(await shop.ask("POST", f"{path}/accept", body), 422, "invalid-body", "$.total")
    refused(await shop.ask("POST", f"{path}/pay", {"means": "card"}), 400, "idempotency-key-missing", None)
    keyed = {"Idempotency-Key": "k"}
    refused(await shop.ask("POST", f"{path}/pay", {"means": "gold"}, headers=keyed), 422, "invalid-body", "$.means")
    refused(await shop.ask("POST", f"{path}/pay", {"means": "card"}, headers=keyed), 409, "not-accepted", None)
    assert await row_counts(shop) == before


@pytest.fixture
async def hasty(tmp_path: Path, sqlite_url: str, valkey_url: str) -> AsyncIterator[Shop]:
    """A server that waits half a second for headers and bodies."""
    limits = Limits(header_seconds=0.5, body_seconds=0.5)
    async with open_shop(tmp_path, valkey_url, http=Http(port=0), limits=limits) as opened_shop:
        yield opened_shop


async def test_a_body_that_does_not_come_is_not_waited_for(hasty: Shop) -> None:
    before = await row_counts(hasty)
    head = (
        f"POST /v1/stores HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {hasty.secrets['owner']}\r\n"
        "Content-Type: application/json\r\n"
    )
    slow = f"{head}Content-Length: 40\r\n\r\n".encode() + b'{"name":'
    for sent in (slow, f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{".encode()):
        answer = await asyncio.wait_for(hasty.raw(sent), 20)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b'"code":"too-slow"' in answer
    assert b'"too-slow"' in await asyncio.wait_for(hasty.raw(b"POST /v1/stores HTT"), 20)
    assert await row_counts(hasty) == before
    assert (await hasty.ask("GET", "/livez")).status == 200


async def test_a_caller_who_hangs_up_in_the_middle_writes_nothing(shop: Shop) -> None:
    before = await row_counts(shop)
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", shop.serving.port)
        head = f"POST /v1/stores HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shop.secrets['owner']}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
    assert (await shop.ask("GET", "/v1/stores")).status == 200
    assert await row_counts(shop) == before


async def test_bytes_that_are_no_http(shop: Shop) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"):
        answer = await asyncio.wait_for(shop.raw(sent), 20)
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 408", b"HTTP/1.1 505")), answer
    assert (await shop.ask("GET", "/livez")).status == 200
