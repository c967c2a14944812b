"""The clothing shop: tried on, the missing size ordered from central, paid on the spot by the seller's tablet."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from poi_server.demo.plan import gtin
from tests.pages.conftest import DESKTOP, PHONE, TABLET
from tests.stories.stage import Device, Stage, cents, hand_scanner, open_stage, photo, press_pin

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(300)]

DRESS_38 = gtin(301)


async def test_the_clothing_shop(tmp_path: Path) -> None:
    async with open_stage(tmp_path, "clothing") as stage:
        office = await stage.owners(DESKTOP)
        tablet = await the_tablet_is_paired(stage, office)
        phone = await nadias_phone_is_paired(stage, office)
        await the_seller_signs_in(stage, tablet)
        await a_dress_is_scanned_and_its_missing_size_found(stage, tablet)
        await the_loyalty_card_says_who_and_no_more(stage, tablet)
        await the_customers_code_is_scanned(stage, tablet, phone)
        await the_missing_size_is_ordered_to_a_checked_address(stage, tablet)
        await one_payment_and_no_queue(stage, tablet, phone)
        await one_item_comes_back_with_four_eyes(stage, tablet)
        await she_confirms_the_address_and_gets_her_dress(stage, office, phone)


async def the_tablet_is_paired(stage: Stage, office: Device) -> Page:
    """The owner shows a code, the tablet scans it, and is a station from then on."""
    page = await office.open("/dashboard#access")
    row = page.get_by_role("listitem").filter(has=page.get_by_text("Tablette", exact=True))
    await row.get_by_role("button", name="Pair").click()
    tablet = await (await stage.device(TABLET)).scan(page.get_by_role("dialog").locator(".qr img"))
    await tablet.wait_for_url(re.compile(r"/station/"))
    await expect(tablet.locator(".tile").first).to_be_visible()
    await page.close()
    stage.tell("The owner pairs the seller's tablet by a code that works once.")
    return tablet


async def nadias_phone_is_paired(stage: Stage, office: Device) -> Page:
    """A customer with a loyalty card and a history gets it onto her own phone."""
    page = await office.open("/customers")
    await page.get_by_role("searchbox").fill("Nadia")
    await page.locator(".result", has_text="Nadia Benali").click()
    await page.get_by_role("button", name="Pair their phone").click()
    phone = await (await stage.device(PHONE)).scan(page.get_by_role("dialog").locator(".qr img"))
    await expect(phone.locator(".me-head")).to_contain_text("Nadia")
    await page.close()
    stage.tell("Nadia has had a card for weeks; now her phone is one too.")
    return phone


async def the_seller_signs_in(stage: Stage, tablet: Page) -> None:
    await tablet.locator(".seller").click()
    await tablet.locator(".face", has_text="Léo Girard").click()
    await press_pin(tablet.locator(".pinpad"), stage.pin("Léo Girard"))
    await expect(tablet.locator(".seller")).to_contain_text("Léo Girard")
    stage.tell("Léo signs in with his PIN.")


async def a_dress_is_scanned_and_its_missing_size_found(stage: Stage, tablet: Page) -> None:
    """The hand scanner reads the dress's label; the sheet tells sizes and stock; the size she needs is not here."""
    await tablet.get_by_role("button", name="Sheet", exact=True).click()
    sheet = tablet.get_by_role("dialog", name="Product sheet")
    await expect(sheet.get_by_role("searchbox")).to_be_visible()
    await hand_scanner(tablet, DRESS_38)
    await expect(sheet.locator(".sheet-name")).to_have_text("Garance dress, 38")
    await expect(sheet).to_contain_text("Flowing viscose")
    stock = sheet.locator(".sheet-stock li")
    await expect(stock.filter(has_text="Here")).to_contain_text("4")
    size = sheet.locator(".variant", has_text="40")
    await expect(size).to_contain_text("0")
    await size.click()
    await expect(sheet.locator(".sheet-name")).to_have_text("Garance dress, 40")
    await expect(stock.filter(has_text="Here")).to_contain_text("None")
    await expect(stock.filter(has_text="Central")).to_contain_text("14")
    await expect(stock.filter(has_text="Annecy")).to_contain_text("None")
    await sheet.get_by_role("button", name="Add to the basket").click()
    await tablet.locator(".tile", has_text="Écharpe Sapin").click()
    await expect(tablet.locator(".line")).to_have_count(2)
    stage.tell("The 38 is too tight; the sheet says that the 40 is at central alone. She also takes a scarf.")


async def the_loyalty_card_says_who_and_no_more(stage: Stage, tablet: Page) -> None:
    """A card can be copied: it says a name, and keeps what she bought to herself."""
    await hand_scanner(tablet, "LOY-NADIA")
    await expect(tablet.locator(".identity .who-name")).to_have_text("Nadia Benali")
    known = tablet.get_by_role("region", name="For this customer")
    await expect(known).to_contain_text("History and suggestions open when the customer shows the code on their phone")
    stage.tell("Her loyalty card says who she is; a card can be copied, so it opens nothing of her history.")


async def the_customers_code_is_scanned(stage: Stage, tablet: Page, phone: Page) -> None:
    """A photo of the code on her phone says surely who she is: what she bought and likes opens."""
    await phone.bring_to_front()
    picture = await photo(phone.locator(".code-frame"))
    await tablet.get_by_role("button", name="Scan", exact=True).click()
    dialog = tablet.get_by_role("dialog")
    await dialog.locator("input[type=file]").set_input_files(
        {"name": "code.png", "mimeType": "image/png", "buffer": picture}
    )
    known = tablet.get_by_role("region", name="For this customer")
    await expect(known).to_contain_text("on average")
    await known.get_by_text("History and notes").click()
    await expect(known.get_by_role("region", name="Latest purchases")).to_contain_text("€")
    stage.tell("She shows the code on her phone: now the tablet knows what she bought before and what may please her.")


async def the_missing_size_is_ordered_to_a_checked_address(stage: Stage, tablet: Page) -> None:
    """The scarf is taken along, the dress comes from central; a wrong postal code is refused at its field."""
    await tablet.get_by_role("button", name="Pick up or deliver").click()
    dialog = tablet.get_by_role("dialog")
    await dialog.get_by_label(re.compile("^How Robe Garance, 40")).select_option("delivery")
    await expect(dialog.get_by_label(re.compile("^Where Robe Garance, 40"))).to_have_value("central")
    for label, text in (("Name", "Nadia Benali"), ("Street and number", "2 rue de la Barre"), ("Postal code", "6900")):
        await dialog.get_by_label(label, exact=True).fill(text)
    await dialog.get_by_label("Town").fill("Lyon")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog.locator(".problem")).to_contain_text("postal code")
    await dialog.get_by_label("Postal code").fill("69002")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(tablet.locator(".line-way")).to_have_text("Delivery")
    stage.tell("The 40 is ordered from central to her address; the scarf she takes along.")


async def one_payment_and_no_queue(stage: Stage, tablet: Page, phone: Page) -> None:
    """Both lines in one payment, on the tablet in the seller's hand; the receipt is on her phone at once."""
    await tablet.locator(".pay-card").click()
    await expect(tablet.locator(".stage.is-paid")).to_be_visible()
    paid = await cents(tablet.locator(".stage.is-paid .total"))
    assert paid < 8900 + 3900, "the offer on accessories did not apply"
    await expect(tablet.locator(".paper")).to_contain_text("Robe Garance, 40")
    await phone.get_by_role("button", name="Receipts").click()
    await expect(phone.locator(".receipts")).to_contain_text(f"€{paid / 100:.2f}")
    stage.tell(f"One payment of {paid / 100:.2f} € on the seller's tablet, no queue; the receipt is on her phone.")


async def one_item_comes_back_with_four_eyes(stage: Stage, tablet: Page) -> None:
    """The scarf is more than Léo may give back alone: the manager beside him gives her PIN."""
    await tablet.get_by_role("button", name="Refund", exact=True).click()
    refund = tablet.get_by_role("dialog", name="Refund")
    await refund.get_by_role("checkbox").uncheck()
    scarf = refund.get_by_role("group", name=re.compile("Écharpe Sapin"))
    await scarf.get_by_role("button", name="One more").click()
    await refund.get_by_label("Reason").fill("a pulled thread")
    await refund.get_by_role("button", name="Refund", exact=True).click()
    consent = tablet.get_by_role("dialog", name="A second person")
    await consent.locator(".face", has_text="Garance Faure").click()
    await press_pin(consent.locator(".pinpad"), stage.pin("Garance Faure"))
    await expect(tablet.locator(".paper")).to_contain_text("Refund n°")
    await tablet.get_by_role("button", name="Next customer").click()
    stage.tell("The scarf has a pulled thread: it comes back, with the manager's PIN beside Léo's.")


async def she_confirms_the_address_and_gets_her_dress(stage: Stage, office: Device, phone: Page) -> None:
    """On her own phone; then the order goes its way, and her phone with it."""
    mine = phone.get_by_role("article")
    await mine.get_by_role("button", name="The address is right").click()
    await expect(mine).to_contain_text("You confirmed the address")
    number = await mine.get_attribute("aria-label") or ""
    orders = await office.open("/orders")
    card = orders.get_by_role("article", name=number)
    await expect(card).to_contain_text("confirmed")
    for button, said in (("Prepare", "In preparation"), ("Ready", "Ready"), ("On the way", "On the way")):
        await card.get_by_role("button", name=button, exact=True).click()
        await expect(mine.locator(".chip")).to_have_text(said)
    await card.get_by_role("button", name="Handed over", exact=True).click()
    await expect(mine.locator(".chip")).to_have_text("Received")
    stage.tell("She says on her phone that the address is right; the dress is sent, and she has it.")
