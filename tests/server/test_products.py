"""Product sheets over the API: words, GTINs, variants, prices, pictures, and all of it at a counter in one answer."""

import io
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from tests.server.shop import Answer, Shop

SHIRT = {"code": "shirt", "label": "Shirt", "unit_price": 2990, "vat_rate": 2000}


def png(size: tuple[int, int] = (64, 48), colour: str = "red", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that claims to be enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


async def put(shop: Shop, **changes: Any) -> Answer:
    body = SHIRT | changes
    return await shop.ask("PUT", f"/v1/products/{body['code']}", body)


async def picture(shop: Shop, code: str, content: bytes, media_type: str = "image/png") -> Answer:
    path, headers = f"/v1/products/{code}/pictures", {"Content-Type": media_type}
    return await shop.ask("POST", path, data=content, headers=headers)


async def test_a_sheet_keeps_its_words_and_gtins_until_others_are_given(shop: Shop) -> None:
    texts = {"fr": {"label": "Chemise", "description": "Lin"}, "en": {"label": "", "description": ""}}
    made = await put(shop, gtin="3012345678902", gtins=["4006381333931"], texts=texts)
    assert made.status == 200, made.content
    assert (await put(shop, unit_price=1990)).json["texts"] == {"fr": {"label": "Chemise", "description": "Lin"}}
    found = (await shop.ask("GET", "/v1/products/04006381333931")).json
    assert (found["code"], found["unit_price"], found["gtins"]) == ("shirt", 1990, ["4006381333931"])
    assert (await put(shop, gtins=[], texts={})).json["texts"] == {}
    assert (await shop.ask("GET", "/v1/products/4006381333931")).status == 404


async def test_a_gtin_is_one_products(shop: Shop) -> None:
    await put(shop, gtin="3012345678902", gtins=["4006381333931"])
    for field, path in (
        ({"gtin": "04006381333931"}, "$.gtin"),
        ({"gtin": "96385074", "gtins": ["3012345678902"]}, "$.gtins[0]"),
    ):
        refused = await put(shop, code="other", **field)
        assert (refused.status, refused.code, refused.json["path"]) == (409, "gtin-taken", path)
    assert (await shop.ask("GET", "/v1/products/other")).status == 404


async def test_variants_are_told_by_their_attributes(shop: Shop) -> None:
    await put(shop)
    for size in ("M", "L"):
        await put(shop, code=f"shirt-{size}", parent="shirt", attributes={"size": size})
    family = (await shop.ask("GET", "/v1/products/shirt-M/variants")).json["items"]
    assert [(one["code"], one["attributes"]) for one in family] == [
        ("shirt-L", {"size": "L"}),
        ("shirt-M", {"size": "M"}),
    ]
    assert (await shop.ask("GET", "/v1/products/shirt/variants")).json["items"] == family


@pytest.mark.parametrize("parent", ["shirt-M", "shirt"])
async def test_a_variant_has_no_variants(shop: Shop, parent: str) -> None:
    await put(shop, code="shirt-M", parent="shirt")
    code = "x" if parent == "shirt-M" else "shirt"
    refused = await put(shop, code=code, parent=parent)
    assert (refused.status, refused.json["path"]) == (422, "$.parent")


async def test_the_price_by_kilogram_or_piece(shop: Shop) -> None:
    sweets = {"unit_price": 449, "content": 250_000, "content_unit": "g"}
    assert (await put(shop, **sweets)).json["per_unit"] == {"price": 1796, "unit": "kg"}
    box = {"unit_price": 1250, "content": 6000, "content_unit": "piece"}
    assert (await put(shop, **box)).json["per_unit"] == {"price": 208, "unit": "piece"}
    assert (await put(shop, unit="kg")).json["per_unit"] == {"price": 2990, "unit": "kg"}
    assert (await put(shop)).json["per_unit"] is None
    assert (await put(shop, content=1000)).json["path"] == "$.content"


async def test_every_price_is_kept_with_who_and_when(shop: Shop) -> None:
    await put(shop)
    await put(shop, label="The shirt")
    await put(shop, unit_price=1990)
    changes = (await shop.ask("GET", "/v1/products/shirt/prices")).json["changes"]
    assert {(one["before"], one["after"]) for one in changes} == {(2990, 1990), (None, 2990)}
    assert {one["who"].partition(":")[0] for one in changes} == {"owner"}


async def test_a_planned_price_starts_by_itself_unless_taken_back(shop: Shop) -> None:
    await put(shop)
    soon = datetime.now(UTC) + timedelta(seconds=30)
    path = "/v1/products/shirt/prices"
    for price in (2490, 1490):
        made = await shop.ask("POST", path, {"unit_price": price, "starts_at": soon.isoformat()})
        assert made.status == 201
    assert (await shop.ask("DELETE", f"{path}/{made.json['plan_id']}")).status == 204
    assert (await shop.ask("DELETE", f"{path}/{made.json['plan_id']}")).status == 404
    past = await shop.ask("POST", path, {"unit_price": 1, "starts_at": "2020-01-01T00:00:00Z"})
    assert (past.code, past.json["path"]) == ("starts-in-the-past", "$.starts_at")
    assert await shop.services.engine.prices.start_due() == 0
    prices = shop.services.engine.prices
    prices._clock = Later(31)
    assert await prices.start_due() == 1
    assert await prices.start_due() == 0
    assert (await shop.ask("GET", "/v1/products/shirt")).json["unit_price"] == 2490
    history = (await shop.ask("GET", path)).json
    assert (history["planned"], len(history["changes"])) == ([], 2)


class Later:
    """A clock that is ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> float:
        return datetime.now(UTC).timestamp() + self._seconds

    def monotonic(self) -> float:
        return 0.0


async def test_a_picture_is_drawn_anew_and_may_be_kept_for_ever(shop: Shop) -> None:
    await put(shop)
    made = await picture(shop, "shirt", png((2000, 1000)))
    assert (made.status, made.json["width"], made.json["height"]) == (201, 1280, 640)
    name = made.json["picture_id"]
    got = await shop.ask("GET", f"/v1/pictures/{name}", role="phone")
    assert (got.headers["Content-Type"], got.headers["Cache-Control"]) == (
        "image/webp",
        "private, max-age=31536000, immutable",
    )
    assert Image.open(io.BytesIO(got.content)).format == "WEBP"
    again = await shop.ask("GET", f"/v1/pictures/{name}", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status, again.content) == (304, b"")
    small = await shop.ask("GET", f"/v1/pictures/{name}?size=small")
    assert Image.open(io.BytesIO(small.content)).size == (320, 160)
    assert small.headers["ETag"] != got.headers["ETag"]


async def test_the_same_picture_stays_once_and_what_is_left_out_goes(shop: Shop) -> None:
    await put(shop)
    first, second, _ = [
        (await picture(shop, "shirt", png(colour=c))).json["picture_id"] for c in ("red", "blue", "red")
    ]
    path = "/v1/products/shirt/pictures"
    ordered = await shop.ask("PUT", path, {"pictures": [second, first]})
    assert [one["picture_id"] for one in ordered.json["items"]] == [second, first]
    assert (await shop.ask("GET", "/v1/products?q=shirt")).json["items"][0]["picture"] == second
    assert (await shop.ask("PUT", path, {"pictures": ["pic_x"]})).json["path"] == "$.pictures[0]"
    await shop.ask("PUT", path, {"pictures": [second]})
    assert (await shop.ask("GET", f"/v1/pictures/{first}")).status == 404


async def test_metadata_and_transparency_do_not_survive(shop: Shop) -> None:
    await put(shop)
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    Image.new("RGB", (40, 20), "green").save(out, "JPEG", exif=exif)
    made = (await picture(shop, "shirt", out.getvalue(), "image/jpeg")).json
    assert (made["width"], made["height"]) == (20, 40)
    got = await shop.ask("GET", f"/v1/pictures/{made['picture_id']}")
    assert b"secret" not in got.content
    clear = (await picture(shop, "shirt", png(mode="RGBA", colour="#00000000"))).json["picture_id"]
    drawn = Image.open(io.BytesIO((await shop.ask("GET", f"/v1/pictures/{clear}")).content))
    assert drawn.mode == "RGB" and min(drawn.getpixel((5, 5))) > 250  # type: ignore[type-var, arg-type]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no picture", "bad-picture"),
        (b"", "bad-picture"),
        (png()[:60], "bad-picture"),
        (bomb(30_000, 30_000), "picture-too-large"),
        (bomb(4_000_000, 100), "picture-too-large"),
        (png((8, 8)), "picture-too-small"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "bad-picture"),
    ],
    ids=["text", "nothing", "cut short", "bomb", "wide bomb", "tiny", "svg"],
)
async def test_what_is_no_picture_is_refused(shop: Shop, content: bytes, code: str) -> None:
    await put(shop)
    refused = await picture(shop, "shirt", content)
    assert (refused.status, refused.code) == (422, code)
    assert (await shop.ask("GET", "/v1/products/shirt")).json["pictures"] == []


async def test_pictures_are_bounded(shop: Shop) -> None:
    await put(shop)
    for number in range(8):
        assert (await picture(shop, "shirt", png(colour=f"#{number * 32:02x}8040"))).status == 201
    assert (await picture(shop, "shirt", png(colour="black"))).code == "too-many-pictures"
    assert (await picture(shop, "nothing", png())).status == 404
    assert (await picture(shop, "shirt", png(), "image/gif")).status == 415


async def test_another_merchant_sees_no_picture(shop: Shop) -> None:
    await put(shop)
    name = (await picture(shop, "shirt", png())).json["picture_id"]
    stranger = await shop.other_merchant()
    assert (await shop.ask("GET", f"/v1/pictures/{name}", role=stranger)).status == 404


async def test_the_counters_sheet_has_stock_variants_and_the_offers_for_this_customer(shop: Shop) -> None:
    await put(shop)
    await put(shop, code="shirt-M", parent="shirt", attributes={"size": "M"})
    await put(shop, code="shirt-L", parent="shirt", attributes={"size": "L"})
    for place, quantity in ((shop.store_id, 2000), ("central", 9000)):
        moved = {"kind": "received", "place": place, "lines": [{"code": "shirt-M", "quantity": quantity}]}
        made = await shop.ask("POST", "/v1/stock/movements", moved, headers={"Idempotency-Key": place})
        assert made.status == 201, made.content
    offer = {
        "offer_id": "off_members",
        "name": {"en": "Members"},
        "currency": "EUR",
        "conditions": {"type": "tier", "any_of": ["member"]},
        "effects": [{"type": "percent_off", "percent": 1000}],
    }
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    path = f"/v1/products/shirt-M/sheet?station_id={shop.station_id}"
    plain = (await shop.ask("GET", path, role="station")).json
    assert (plain["identified"], plain["decision"]["total"], plain["store_id"]) == (False, 2990, shop.store_id)
    assert {one["place"]: one["available"] for one in plain["stock"]} == {"central": 9000, shop.store_id: 2000}
    variants = {one["code"]: (one["here"], one["central"]) for one in plain["variants"]}
    assert variants == {"shirt-L": (None, None), "shirt-M": (2000, 9000)}
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session")).json["session_id"]
    await shop.services.engine.stations.identify(
        shop.merchant_id, session, shop.customer_id, scheme="poi1", assurance="authenticate", source="test"
    )
    theirs = (await shop.ask("GET", path, role="station")).json
    assert (theirs["identified"], theirs["decision"]["total"]) == (True, 2691)
    assert [one["offer_id"] for one in theirs["decision"]["offers"]] == ["off_members"]
    assert (await shop.ask("GET", "/v1/products/shirt-M/sheet?station_id=sta_x", role="station")).status == 403


async def test_search_shows_the_stock_of_a_place(shop: Shop) -> None:
    await put(shop)
    moved = {"kind": "counted", "place": shop.store_id, "lines": [{"code": "shirt", "quantity": 3000}]}
    await shop.ask("POST", "/v1/stock/movements", moved, headers={"Idempotency-Key": "k"})
    [found] = (await shop.ask("GET", f"/v1/products?q=SHIRT&place={shop.store_id}", role="seller")).json["items"]
    assert (found["here"], found["central"]) == (3000, 0)
    [same] = (await shop.ask("GET", f"/v1/products?q=shirt&station_id={shop.station_id}", role="station")).json["items"]
    assert same == found
    await put(shop, active=False, tracked=True)
    assert (await shop.ask("GET", "/v1/products?q=shirt")).json["items"] == []
    assert len((await shop.ask("GET", "/v1/products?q=shirt&inactive=true")).json["items"]) == 1


async def test_search_finds_a_capital_with_an_accent(shop: Shop) -> None:
    await put(shop, label="Éclair à la crème")
    for asked in ("Éclair", "éclair", "CRÈME", "e\N{COMBINING ACUTE ACCENT}clair"):
        found = (await shop.ask("GET", f"/v1/products?q={quote(asked)}", role="seller")).json["items"]
        assert [one["label"] for one in found] == ["Éclair à la crème"], asked
    assert (await shop.ask("GET", "/v1/products?q=%C3%A9clat")).json["items"] == []


async def test_stock_is_moved_by_those_who_may(shop: Shop) -> None:
    await put(shop)
    moved = {"kind": "received", "place": shop.store_id, "lines": [{"code": "shirt", "quantity": 3000}]}
    refused = await shop.ask("POST", "/v1/stock/movements", moved, role="station", headers={"Idempotency-Key": "k"})
    assert refused.status == 403
    places = (await shop.ask("GET", "/v1/stock/places", role="station")).json["items"]
    assert [one["place"] for one in places] == ["central", shop.store_id]
    await put(shop, low_stock=3000, tracked=True)
    await shop.ask("POST", "/v1/stock/movements", moved, headers={"Idempotency-Key": "k"})
    low = (await shop.ask("GET", f"/v1/stock/low?place={shop.store_id}", role="station")).json["items"]
    assert [(one["code"], one["available"]) for one in low] == [("shirt", 3000)]
    told = await shop.ask("GET", f"/v1/products/shirt/stock/entries?place={shop.store_id}")
    assert [(one["kind"], one["change"]) for one in told.json["items"]] == [("received", 3000)]
    lies = (await shop.ask("GET", "/v1/products/shirt/stock", role="seller")).json["items"]
    assert [one["available"] for one in lies] == [0, 3000]


async def send_csv(shop: Shop, text: str, *, dry_run: bool = False, role: str = "owner") -> Answer:
    path = f"/v1/products.csv?dry_run={'true' if dry_run else 'false'}"
    return await shop.ask("POST", path, data=io.BytesIO(text.encode()), headers={"Content-Type": "text/csv"}, role=role)


async def test_a_csv_file_is_tried_then_imported_then_exported(shop: Shop) -> None:
    text = "code;libellé;prix;tva\nA1;Chemise;29,90;20\nA2;Robe;59;20\n"
    tried = (await send_csv(shop, text, dry_run=True)).json
    assert (tried["rows"], tried["written"], tried["mistakes"]) == (2, False, [])
    assert (await shop.ask("GET", "/v1/products")).json["items"] == []
    assert (await send_csv(shop, text)).json["created"] == 2
    french = await shop.ask("GET", "/v1/products.csv?style=french")
    assert french.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert french.headers["X-Content-Type-Options"] == "nosniff"
    assert "A1;Chemise;29,90" in french.content.decode("utf-8-sig")
    assert (await send_csv(shop, french.content.decode())).json["unchanged"] == 2


async def test_mistakes_of_a_file_are_told_by_line_and_column(shop: Shop) -> None:
    answer = await send_csv(shop, "code;prix\nA1;free\n")
    assert (answer.status, answer.json["written"], answer.json["mistake_count"]) == (200, False, 1)
    [mistake] = answer.json["mistakes"]
    assert (mistake["line"], mistake["column"], mistake["code"]) == (2, "prix", "csv-number")
    assert (await send_csv(shop, "nonsense")).json["mistakes"][0]["code"] == "csv-column"
    assert (await send_csv(shop, "code;prix\n" + "x" * (9 << 20))).status == 413
    assert (await send_csv(shop, "code;prix\n", role="seller")).status == 403


async def test_a_code_is_read_for_its_sheet_without_being_sold(shop: Shop) -> None:
    await put(shop, gtin="4006381333931")
    path = f"/v1/stations/{shop.station_id}/scan"
    read = (await shop.ask("POST", f"{path}?look=true", {"text": "4006381333931"}, role="station")).json
    assert (read["seen"], read["scheme"], read["session"]) == (True, "gtin", None)
    assert (await shop.ask("GET", f"/v1/products/{read['code']}")).json["code"] == "shirt"
    assert (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session")).json is None


async def test_a_product_stays_tracked_until_it_is_said_otherwise(shop: Shop) -> None:
    await put(shop, tracked=True)
    assert (await put(shop, unit_price=1)).json["tracked"] is True
    assert (await put(shop, tracked=False)).json["tracked"] is False
    assert (await put(shop, code="new")).json["tracked"] is False
