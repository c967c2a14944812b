"""Products in Chromium: the merchant's page with sheet, pictures, stock, prices and files, and the seller's sheet."""

import io
import re

import pytest
from PIL import Image, ImageDraw
from playwright.async_api import FilePayload, Page, expect

from tests.pages.conftest import DESKTOP, PHONE, TABLET, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

SCANNED = """(digits) => {
  const options = { bubbles: true, cancelable: true };
  const press = (code) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { code, ...options }));
  for (const digit of digits) press(`Digit${digit}`);
  press("Enter");
}"""
"""What a keyboard-wedge scanner types: too fast for a driver of browsers on a busy machine."""


def drawn(colour: str, size: tuple[int, int] = (800, 600)) -> bytes:
    """A picture of something."""
    image = Image.new("RGB", size, "#f3efe6")
    ImageDraw.Draw(image).ellipse((size[0] * 0.2, size[1] * 0.15, size[0] * 0.8, size[1] * 0.9), fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


async def page_of(visit: Visit, path: str, size: dict[str, int] = DESKTOP, locale: str = "en-GB") -> Page:
    """A page for the owner."""
    visitor = await visit(size, locale=locale)
    await (await visitor.sign_in("owner")).close()
    return await visitor.open(path)


async def shirts(shop: Shop) -> None:
    """A shirt in two sizes, with a picture, words and stock."""
    shirt = {"code": "shirt", "label": "Chemise en lin", "unit_price": 5900, "brand": "Atelier", "active": True}
    texts = {"en": {"label": "Linen shirt", "description": "Washed linen, cut straight.\nMade in Portugal."}}
    await shop.ask("PUT", "/v1/products/shirt", shirt | {"texts": texts, "content": 1000, "content_unit": "piece"})
    for size, quantity in (("M", 3000), ("L", 1000)):
        code = f"shirt-{size}"
        body = shirt | {"code": code, "parent": "shirt", "attributes": {"size": size}, "texts": texts}
        await shop.ask("PUT", f"/v1/products/{code}", body)
        for place, amount in ((shop.store_id, quantity), ("central", 12_000)):
            moved = {"kind": "counted", "place": place, "lines": [{"code": code, "quantity": amount}]}
            key = {"Idempotency-Key": f"{code}-{place}"}
            assert (await shop.ask("POST", "/v1/stock/movements", moved, headers=key)).status == 201
        path, png = f"/v1/products/{code}/pictures", {"Content-Type": "image/png"}
        await shop.ask("POST", path, data=drawn("#7c8f6a"), headers=png)


async def test_a_product_is_made_and_its_mistakes_are_shown(visit: Visit, shop: Shop) -> None:
    page = await page_of(visit, "/products")
    await page.locator(".new-product").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Code", exact=True).fill("soap")
    await form.get_by_label("Price, VAT included").fill("four")
    await form.get_by_role("button", name="Save").click()
    await expect(form.locator(".has-problem")).to_have_count(2)
    await form.get_by_label("Name").first.fill("Olive soap")
    await form.get_by_label("Price, VAT included").fill("4,50")
    await form.get_by_text("Barcodes, content, variants").click()
    await form.get_by_label("Content of a pack").fill("100")
    await form.get_by_label("Unit of the content").select_option("g")
    await form.get_by_label("Barcodes (EAN)").fill("4012345678901 96385074")
    await form.get_by_role("button", name="Add an attribute").click()
    await form.get_by_label("Attribute", exact=True).fill("scent")
    await form.get_by_label("Value", exact=True).fill("thyme")
    await form.get_by_role("button", name="Save").click()
    await expect(page.locator(".product-row", has_text="Olive soap")).to_contain_text("€4.50")
    made = (await shop.ask("GET", "/v1/products/96385074")).json
    assert (made["code"], made["unit_price"], made["attributes"]) == ("soap", 450, {"scent": "thyme"})
    assert made["per_unit"] == {"price": 4500, "unit": "kg"}


async def test_pictures_stock_and_prices_have_their_tabs(visit: Visit, shop: Shop) -> None:
    await shop.ask("PUT", "/v1/products/jam", {"code": "jam", "label": "Fig jam", "unit_price": 690})
    page = await page_of(visit, "/products")
    await page.get_by_label("Search a name, a code or a barcode").fill("fig")
    await page.locator(".product-row", has_text="Fig jam").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Pictures").click()
    file = FilePayload(name="jam.png", mimeType="image/png", buffer=drawn("#6b2d5c"))
    await dialog.locator("input[type=file]").set_input_files([file])
    await expect(dialog.locator(".picture-list img")).to_have_js_property("complete", True)
    assert await dialog.locator(".picture-list img").evaluate("(image) => image.naturalWidth") == 320
    await dialog.get_by_role("button", name="Stock").click()
    await dialog.get_by_label("Quantity").fill("12")
    await dialog.get_by_role("button", name="Record").click()
    await expect(dialog.locator(".sheet-stock")).to_contain_text("12")
    await expect(dialog.locator("tbody")).to_contain_text("+12")
    await dialog.get_by_role("button", name="Prices").click()
    await dialog.get_by_label("Price, VAT included").fill("7,20")
    await dialog.get_by_label("From").fill("2099-01-01T08:00")
    await dialog.get_by_role("button", name="Plan it").click()
    await expect(dialog.locator(".list")).to_contain_text("€7.20")
    await expect(dialog.locator(".price-line")).to_have_count(2)
    history = (await shop.ask("GET", "/v1/products/jam/prices")).json
    assert [one["unit_price"] for one in history["planned"]] == [720]


async def test_a_file_is_tried_its_mistakes_shown_and_then_imported(visit: Visit, shop: Shop) -> None:
    page = await page_of(visit, "/products")
    await page.get_by_role("button", name="Import a CSV file").click()
    dialog = page.get_by_role("dialog")
    wrong = "code;libellé;prix\nT1;Thé noir;4,90\nT2;Thé vert;cher\n".encode("cp1252")
    await dialog.locator("input[type=file]").set_input_files(
        [FilePayload(name="t.csv", mimeType="text/csv", buffer=wrong)]
    )
    row = dialog.locator(".mistakes tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text(re.compile("3.*prix.*cher.*no number"))
    await expect(dialog.get_by_role("button", name="Import", exact=True)).to_be_hidden()
    right = wrong.replace(b"cher", b"5,20")
    await dialog.locator("input[type=file]").set_input_files(
        [FilePayload(name="t.csv", mimeType="text/csv", buffer=right)]
    )
    await dialog.get_by_role("button", name="Import", exact=True).click()
    await expect(dialog.locator(".banner.is-good")).to_contain_text("2 created")
    assert (await shop.ask("GET", "/v1/products/T1")).json["label"] == "Thé noir"


async def test_the_list_shows_what_runs_low(visit: Visit, shop: Shop) -> None:
    body = {"code": "rare", "label": "Rare tea", "unit_price": 900, "tracked": True, "low_stock": 5000}
    await shop.ask("PUT", "/v1/products/rare", body)
    moved = {"kind": "counted", "place": shop.store_id, "lines": [{"code": "rare", "quantity": 2000}]}
    await shop.ask("POST", "/v1/stock/movements", moved, headers={"Idempotency-Key": "rare"})
    page = await page_of(visit, "/products", PHONE)
    await page.get_by_label("Place").select_option(shop.store_id)
    await page.get_by_role("button", name="Low stock").click()
    await expect(page.locator(".product-row", has_text="Rare tea")).to_contain_text("2")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
async def test_a_seller_opens_a_products_sheet_and_adds_it(
    visit: Visit, shop: Shop, station_id: str, size: dict[str, int]
) -> None:
    await shirts(shop)
    page = await page_of(visit, f"/station/{station_id}", size)
    if size is PHONE:
        await page.locator(".open-add").click()
    await page.locator(".look-up").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Scan a product, or search a name or code").fill("chemise")
    await dialog.locator(".sheet-hit").first.click()
    sheet = dialog.locator(".sheet")
    await expect(sheet).to_contain_text("Linen shirt")
    await sheet.locator(".variant", has_text="L").click()
    await expect(sheet.locator(".sheet-stock li", has_text="Here")).to_contain_text("1")
    await expect(sheet.locator(".sheet-stock li", has_text="Central stock")).to_contain_text("12")
    await expect(sheet.locator(".sheet-total")).to_contain_text("€59.00")
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    await sheet.get_by_role("button", name="Add to the basket").click()
    await expect(page.locator(".lines .line-label").first).to_contain_text("Chemise en lin")


async def test_a_scanners_line_opens_the_sheet_while_it_is_asked_for(visit: Visit, shop: Shop, station_id: str) -> None:
    """The code of a product is read, and nothing is added to the basket."""
    await shop.ask(
        "PUT", "/v1/products/pen", {"code": "pen", "label": "Pen", "unit_price": 300, "gtin": "4006381333931"}
    )
    page = await page_of(visit, f"/station/{station_id}", TABLET)
    await page.locator(".look-up").click()
    await page.get_by_role("dialog").wait_for()
    await page.evaluate(SCANNED, "4006381333931")
    await expect(page.locator(".sheet")).to_contain_text("Pen")
    assert await page.locator(".lines .line").count() == 0


async def test_the_sheet_shows_this_customers_offers(visit: Visit, shop: Shop, station_id: str) -> None:
    await shop.ask("PUT", "/v1/products/hat", {"code": "hat", "label": "Hat", "unit_price": 4000})
    offer = {
        "offer_id": "off_hat",
        "name": {"en": "Hats for members"},
        "currency": "EUR",
        "conditions": {"type": "tier", "any_of": ["member"]},
        "effects": [{"type": "percent_off", "percent": 2500, "items": {"products": ["hat"]}}],
    }
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    await shop.services.engine.stations.identify(
        shop.merchant_id, session, shop.customer_id, scheme="poi1", assurance="authenticate", source="test"
    )
    page = await page_of(visit, f"/station/{station_id}", TABLET)
    await page.get_by_role("button", name="Sheet of Hat").click()
    sheet = page.locator(".sheet")
    await expect(sheet).to_contain_text("Offers for this customer")
    await expect(sheet.locator(".sheet-offer")).to_contain_text("Hats for members")
    await expect(sheet.locator(".sheet-total")).to_contain_text("€30.00")
    await shop.ask("DELETE", "/v1/offers/off_hat")


async def test_the_pages_in_french(visit: Visit, shop: Shop, station_id: str) -> None:
    await shirts(shop)
    page = await page_of(visit, "/products", DESKTOP, "fr-FR")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Produits")
    await page.locator(".product-row", has_text="shirt-M").click()
    await page.get_by_role("dialog").get_by_role("button", name="Stock").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Stock central")
    await page.get_by_role("dialog").get_by_role("button", name="Prix").click()
    await expect(page.get_by_role("dialog").locator(".price-line")).to_have_count(1)
