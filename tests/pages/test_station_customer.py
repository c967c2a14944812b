"""Who stands at the counter, in Chromium: their history, what to suggest and to whom not; a basket on its way."""

import asyncio
import io
import os
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import zxingcpp
from playwright.async_api import Page, WebSocketRoute, expect

from poi_engine.basket import BasketEntry
from poi_engine.session import Session
from poi_engine.setup import NewStation, NewStore
from tests.pages.axe import judge
from tests.pages.conftest import DESKTOP, PHONE, TABLET, Visit
from tests.pages.film import drawn
from tests.pages.fit import misfits, wrong_words
from tests.server.shop import BY, Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

VISITS = 4


class Regular:
    """A customer with a birthday, a card, and a hat of size 38 bought at each of four visits."""

    def __init__(self, shop: Shop, station_id: str) -> None:
        self.shop = shop
        self.station_id = station_id
        mark = os.urandom(4).hex()
        self.card, self.hat, self.label = f"card-{mark}", f"hat-{mark}", f"Hat {mark}"
        self.customer_id = ""

    async def settle(self) -> "Regular":
        """Make them, and let them buy."""
        birthday = datetime.now(UTC).date().replace(year=1980).isoformat()
        new = {"display_name": "Ada Byron", "birthday": birthday}
        self.customer_id = (await self.shop.ask("POST", "/v1/customers", new)).json["customer_id"]
        path = f"/v1/customers/{self.customer_id}"
        await self.shop.ask("POST", f"{path}/credentials", {"scheme": "loyalty", "subject": self.card})
        await self.shop.ask("POST", f"{path}/notes", {"text": "Likes to be called Countess"})
        hat = {"code": self.hat, "label": self.label, "unit_price": 4500, "attributes": {"size": "38"}}
        assert (await self.shop.ask("PUT", f"/v1/products/{self.hat}", hat)).status < 300
        for _ in range(VISITS):
            await self.buy()
        return self

    async def stand(self, assurance: str = "authenticate", *codes: str) -> Session:
        """They come to the counter, with these products in the basket."""
        m, stations = self.shop.merchant_id, self.shop.services.engine.stations
        session = await stations.open(m, self.station_id, [BasketEntry(code=code) for code in codes])
        return await stations.identify(
            m, session.session_id, self.customer_id, scheme="poi1", assurance=assurance, source="test"
        )

    async def buy(self) -> None:
        """One hat, paid in cash."""
        session, checkout = await self.stand("authenticate", self.hat), self.shop.services.engine.checkout
        assert session.decision is not None
        named = (self.shop.merchant_id, session.session_id)
        await checkout.accept(*named, session.decision_id or "", session.decision.total, by=BY)
        assert (await checkout.pay(*named, "cash", key=session.session_id, by=BY)).state == "paid"


async def tablet(
    visit: Visit, shop: Shop, station_id: str, size: dict[str, int] = TABLET, locale: str = "en-GB"
) -> Page:
    """A tablet paired as this station."""
    secret = (await shop.services.access.grant(shop.merchant_id, "station", station_id, "tablet", by=BY)).secret
    page = await (await visit(size, locale=locale)).open(f"/#{secret}")
    await page.wait_for_url(re.compile(f"/station/{station_id}$"))
    await expect(page.locator(".basket-head")).to_be_visible()
    return page


def photo(text: str) -> bytes:
    """A picture of a loyalty card with its number as Code 128."""
    card = drawn(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128))
    canvas = card.resize((card.width + 200, card.height + 200))
    canvas.paste(235, (0, 0, canvas.width, canvas.height))
    canvas.paste(card, (100, 100))
    kept = io.BytesIO()
    canvas.save(kept, "PNG")
    return kept.getvalue()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
async def test_the_usual_is_suggested_with_its_figure_and_added_by_one_tap(
    visit: Visit, shop: Shop, station_id: str, axe: str, locale: str
) -> None:
    ada = await Regular(shop, station_id).settle()
    page = await tablet(visit, shop, station_id, DESKTOP, locale)
    await ada.stand()
    usual = page.locator(".advice.is-usual", has_text=ada.label)
    words = {"en-GB": "in 4 of the last 4 visits", "fr-FR": "4 des 4 dernières visites"}
    await expect(usual).to_contain_text(words[locale])
    await expect(page.locator(".advice.is-birthday")).to_be_visible()
    await page.locator(".history summary").click()
    assert await judge(page, axe) == ""
    for size in (DESKTOP, TABLET, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        if size is PHONE:
            await expect(page.locator(".add")).to_be_hidden()
        assert await misfits(page, touch=True) == []
    assert await wrong_words(page) == []
    await usual.get_by_role("button").click()
    await expect(page.locator(".line")).to_contain_text(ada.label)
    await expect(usual).to_have_count(0)


async def test_the_history_is_there_for_who_proved_to_be_the_customer(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    """Visits, habits, sizes, favourites, purchases, consents and notes; a favourite opens its sheet."""
    ada = await Regular(shop, station_id).settle()
    page = await tablet(visit, shop, station_id, PHONE)
    await ada.stand()
    panel = page.locator(".customer")
    await expect(page.locator(".who-facts")).to_contain_text("4 visits")
    await expect(panel).to_contain_text("on average")
    await panel.locator(".history summary").click()
    for words in ("size: 38", "Likes to be called Countess", "Latest purchases", "Consents"):
        await expect(panel.locator(".history")).to_contain_text(words)
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    await panel.get_by_role("button", name=ada.label, exact=True).click()
    await expect(page.get_by_role("dialog", name="Product sheet")).to_contain_text(ada.label)


async def test_a_photographed_card_identifies_and_staff_open_the_history_by_their_word(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    """A card anybody can copy shows no history; the panel says what is missing and how to get it."""
    ada = await Regular(shop, station_id).settle()
    page = await tablet(visit, shop, station_id)
    await page.get_by_role("button", name="Scan", exact=True).click()
    picture = {"name": "card.png", "mimeType": "image/png", "buffer": photo(ada.card)}
    await page.get_by_role("dialog").locator("input[type=file]").set_input_files(picture)  # type: ignore[arg-type]
    await expect(page.locator(".who-name")).to_have_text("Ada Byron")
    panel = page.locator(".customer")
    await expect(panel).to_contain_text("when the customer shows the code on their phone")
    assert ada.label not in await panel.inner_text()
    await panel.get_by_role("button", name="Confirm").click()
    await page.get_by_role("dialog").get_by_role("button", name="I know them").click()
    await expect(panel.locator(".advice.is-usual")).to_contain_text(ada.label)
    await page.get_by_role("button", name="Not this customer").click()
    await expect(panel).to_be_hidden()


async def test_a_basket_and_its_customer_go_to_another_tablet_and_are_paid_there(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    """Offered are the other counters of the store; the other store's is not."""
    there = await _station(shop, shop.store_id)
    store = await shop.services.setup.add_store(shop.merchant_id, NewStore(name="Lille", zone="Europe/Paris"))
    elsewhere = await _station(shop, store.store_id)
    ada = await Regular(shop, station_id).settle()
    first, second = await asyncio.gather(tablet(visit, shop, station_id), tablet(visit, shop, there.station_id))
    await ada.stand("authenticate", ada.hat)
    await first.get_by_role("button", name="Continue at another counter").click()
    dialog = first.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name=there.name)).to_be_enabled()
    await expect(dialog.get_by_role("button", name=elsewhere.name)).to_have_count(0)
    await dialog.get_by_role("button", name=there.name).click()
    await expect(first.locator(".toasts")).to_contain_text(f"Goes on at {there.name}")
    await expect(first.locator(".line")).to_have_count(0)
    await expect(second.locator(".who-name")).to_have_text("Ada Byron")
    await expect(second.locator(".line")).to_contain_text(ada.label)
    await second.locator(".pay-cash").click()
    await expect(second.locator(".stage.is-paid")).to_be_visible()
    sales = (await shop.ask("GET", "/v1/sales")).json["items"]
    assert [sale["subtotal"] for sale in sales if sale["station_id"] == there.station_id] == [4500]


async def test_who_begins_to_serve_first_keeps_the_counter(visit: Visit, shop: Shop, station_id: str) -> None:
    """The other counter was free when it was offered: the basket stays, and the page says why."""
    there = await _station(shop, shop.store_id)
    page = await tablet(visit, shop, station_id)
    await page.locator(".tile", has_text="Baguette").click()
    await expect(page.locator(".line")).to_contain_text("Baguette")
    await page.get_by_role("button", name="Continue at another counter").click()
    choice = page.get_by_role("dialog").get_by_role("button", name=there.name)
    await expect(choice).to_be_enabled()
    await shop.services.engine.stations.open(shop.merchant_id, there.station_id, [BasketEntry(code="cake")])
    await choice.click()
    await expect(page.locator(".toasts")).to_contain_text("Somebody is being served at that counter")
    await expect(page.locator(".line")).to_contain_text("Baguette")
    await page.get_by_role("button", name="Continue at another counter").click()
    await expect(page.get_by_role("dialog").get_by_role("button", name=there.name)).to_be_disabled()


async def test_a_second_screen_of_the_counter_sees_that_the_basket_has_gone(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    there = await _station(shop, shop.store_id)
    page = await tablet(visit, shop, station_id)
    session = await shop.services.engine.stations.open(shop.merchant_id, station_id, [BasketEntry(code="cake")])
    await expect(page.locator(".line")).to_have_count(1)
    path = f"/v1/sessions/{session.session_id}/hand-over"
    assert (await shop.ask("POST", path, {"station_id": there.station_id})).status == 200
    await expect(page.locator(".toasts")).to_contain_text("gone on at another counter")
    await expect(page.locator(".line")).to_have_count(0)
    await page.locator(".tile", has_text="Baguette").click()
    await expect(page.locator(".line")).to_contain_text("Baguette")


async def test_what_happens_while_a_screen_connects_is_not_missed(visit: Visit, shop: Shop, station_id: str) -> None:
    """It has asked for its session and is not yet watching: it asks again once it is."""
    page = await tablet(visit, shop, station_id)
    asked: asyncio.Queue[tuple[WebSocketRoute, str | bytes]] = asyncio.Queue()

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: asked.put_nowait((server, message)))

    await page.route_web_socket(re.compile("/v1/live"), between)
    await page.reload()
    server, watch = await asked.get()
    await page.wait_for_load_state("networkidle")
    await shop.services.engine.stations.open(shop.merchant_id, station_id, [BasketEntry(code="cake")])
    server.send(watch)
    await expect(page.locator(".line")).to_have_count(1)


async def test_a_basket_found_gone_before_the_word_of_it_comes_is_told_all_the_same(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    """The page asks for its session at that very moment and is told of none."""
    there = await _station(shop, shop.store_id)
    page = await tablet(visit, shop, station_id)
    sockets: list[WebSocketRoute] = []
    held: asyncio.Queue[str | bytes] = asyncio.Queue()

    def between(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        heard = socket.send, held.put_nowait
        socket.connect_to_server().on_message(lambda message: heard['"kind":"session"' in str(message)](message))

    await page.route_web_socket(re.compile("/v1/live"), between)
    session = await shop.services.engine.stations.open(shop.merchant_id, station_id, [BasketEntry(code="cake")])
    await page.reload()
    await expect(page.locator(".line")).to_have_count(1)
    path = f"/v1/sessions/{session.session_id}/hand-over"
    assert (await shop.ask("POST", path, {"station_id": there.station_id})).status == 200
    sockets[-1].send('{"kind": "resync"}')
    await expect(page.locator(".line")).to_have_count(0)
    sockets[-1].send(await held.get())
    await expect(page.locator(".toasts")).to_contain_text("gone on at another counter")


async def _station(shop: Shop, store_id: str) -> Any:
    new = NewStation(store_id=store_id, name=f"Counter {os.urandom(3).hex()}")
    return await shop.services.setup.add_station(shop.merchant_id, new)
