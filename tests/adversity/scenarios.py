"""What the till does, each scenario so that it can be repeated from its start after any crash."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

from poi_engine.basket import BasketEntry
from poi_engine.checkout.doubts import in_doubt
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict, DeviceError
from poi_engine.goods.products import Product
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ledger import Balance, balance
from poi_engine.limits import limit_account
from poi_engine.orders.ahead import Wished
from poi_engine.orders.placing import Orderer
from poi_engine.ports import Job, PaymentResult
from poi_engine.principal import Principal
from poi_engine.settings import Ordering, Programme
from poi_engine.whole_sale import Wish
from tests.adversity import handovers, tenders
from tests.adversity.till import MANAGER, STATION, TRIES, M, Shop, expect_paid
from tests.engine.shop import SELLER

GOODS = 5000
Scenario = Callable[[Shop], Awaitable[None]]


async def card(shop: Shop) -> None:
    """A sale by card: the terminal approves."""
    await shop.opened(2000)
    shop.killer.armed = True
    session = await shop.until_paid()
    expect_paid(session, 1800)
    await shop.paid_again()


async def cash(shop: Shop) -> None:
    """A sale in cash: one transaction."""
    await shop.opened(2000)
    shop.killer.armed = True
    expect_paid(await shop.until_paid("cash"), 1800)
    await shop.paid_again()


async def whole(shop: Shop) -> None:
    """A whole sale in one call: accepted and begun in one transaction, sold in another."""
    await _whole(shop, "card")


async def whole_cash(shop: Shop) -> None:
    """The same in cash: one transaction."""
    await _whole(shop, "cash")


async def _whole(shop: Shop, means: Literal["card", "cash"]) -> None:
    """Repeat the call until it has an answer; after a decline it is sent with another key."""
    shop.killer.armed = True
    wish = Wish(entries=(BasketEntry(amount=2000),), accept_up_to=2000, means=means)
    for _ in range(TRIES):
        key = f"whole-{shop.memory['attempt'] or 0}"
        try:
            session = await shop.engine.whole_sales.sell(M, STATION, wish, key=key, caller=SELLER, by=SELLER)
        except Conflict as error:
            assert error.code == "payment-under-way", error.code
            await asyncio.sleep(0.05)
            continue
        if session.state == "paid":
            return expect_paid(session, 1800)
        assert session.state == "declined"  # it never reached the terminal
        shop.memory.remember("attempt", (shop.memory["attempt"] or 0) + 1)
    raise AssertionError("the whole sale had no answer")


async def declined(shop: Shop) -> None:
    """The terminal declines 22.05; the customer pays in cash."""
    await shop.opened(2450)
    shop.killer.armed = True
    expect_paid(await shop.until_paid(then="cash"), 2205)
    await shop.paid_again()


async def doubt(shop: Shop) -> None:
    """The terminal approves 23.13 and does not answer; its status tells."""
    await shop.opened(2570)
    shop.killer.armed = True
    expect_paid(await shop.until_paid(then="cash"), 2313)
    await shop.paid_again()


async def abandon(shop: Shop) -> None:
    """Accepted, then given up: nothing stays reserved."""
    await shop.opened(2000)
    shop.killer.armed = True
    if (await shop.look()).state == "decided":
        await shop.accept()
    await shop.engine.stations.abandon(M, shop.memory["session"])
    assert (await shop.look()).state == "abandoned"


async def forgotten(shop: Shop) -> None:
    """Accepted, then left alone: the sweep lets go, and the till sells after all."""
    await shop.opened(2000)
    if not shop.memory["ahead"]:
        await shop.accept()
        shop.memory.remember("ahead", Programme().minutes * 60 + 60)
        shop.clock.ahead = shop.memory["ahead"]
    shop.killer.armed = True
    await shop.engine.recovery.run()
    assert (await shop.look()).state in ("decided", "paid")
    expect_paid(await shop.until_paid("cash"), 1800)


async def refund(shop: Shop) -> None:
    """A sale by card comes back wholly."""
    await _sold(shop, 2000)
    shop.killer.armed = True
    key = "back"
    if await shop.refund(shop.memory["sale"], None, key) is None:  # it never reached the terminal
        key = "back once more"
    assert await shop.refund(shop.memory["sale"], None, key)
    assert await shop.refund(shop.memory["sale"], None, key) == shop.memory[f"refund:{key}"]


async def refund_declined(shop: Shop) -> None:
    """The terminal refuses to give back 22.05 of 31.50: the quantity is free again, and the other line goes back."""
    await _sold(shop, 2450, 1050)
    shop.killer.armed = True
    line = [ReturnedLine(line_id="1", quantity=1000)]
    assert await shop.refund(shop.memory["sale"], line, "no") is None
    assert await shop.refund(shop.memory["sale"], [ReturnedLine(line_id="2", quantity=1000)], "yes")


async def refund_doubt(shop: Shop) -> None:
    """The terminal gives back 23.13 and does not answer; repeating the request asks it."""
    await _sold(shop, 2570, 1130)
    shop.killer.armed = True
    line = [ReturnedLine(line_id="1", quantity=1000)]
    if await shop.refund(shop.memory["sale"], line, "back") is None:
        assert await shop.refund(shop.memory["sale"], line, "back once more")


async def order(shop: Shop) -> None:
    """Ordered from a phone, made ready, paid at the counter, taken back: the goods are held, sold, and there again."""
    await _stocked(shop)
    shop.killer.armed = True
    order_id = await _placed(shop)
    orders = shop.engine.orders
    if (await orders.get(M, order_id)).state == "placed":
        await orders.move(M, order_id, "ready", "", by=SELLER)
    if shop.memory["session"] is None:
        session = await orders.counter.open_session(M, order_id, STATION)
        shop.memory.remember("session", session.session_id)
    expect_paid(await shop.until_paid(), 1800)
    if (await orders.get(M, order_id)).state == "delivered":
        with suppress(Conflict):  # what the first request began is found again by its key, or by recovery
            await orders.take_back(M, order_id, None, "broken", place=None, key="back", by=SELLER)
    assert (await orders.get(M, order_id)).state == "returned"
    assert await _goods(shop) == (GOODS, 0)


async def order_given_up(shop: Shop) -> None:
    """The payment of an order is given up: its goods are held by the order again, until nobody comes for it."""
    await _stocked(shop)
    shop.killer.armed = True
    order_id = await _placed(shop)
    if not shop.memory["given up"]:
        session = await shop.engine.orders.counter.open_session(M, order_id, STATION)
        if session.state == "decided":
            await shop.engine.checkout.accept(
                M,
                session.session_id,
                session.decision_id or "",
                session.decision.total if session.decision else 0,
                by=SELLER,
            )
        await shop.engine.stations.abandon(M, session.session_id)
        assert await _goods(shop) == (GOODS - 1000, 1000)
        shop.memory.remember("given up", True)
    rules = Ordering()
    shop.clock.ahead = rules.lead_minutes * 60 + rules.hold_hours * 3600 + 60
    await shop.engine.orders.round()
    assert (await shop.engine.orders.get(M, order_id)).state == "cancelled"
    assert await _goods(shop) == (GOODS, 0)


async def _placed(shop: Shop) -> str:
    """The order; its key places it once."""
    phone = Principal(merchant_id=M, access_id="acc_phone", role="phone", subject_id="phone")
    wished = Wished(store_id="sto_1", entries=(BasketEntry(code="cake"),))
    who = Orderer(by=phone, channel="phone")
    return (await shop.engine.orders.ahead.place(M, wished, who, key="ahead")).order_id


async def _stocked(shop: Shop) -> None:
    """A product for 20.00, five of it in the store."""
    if shop.memory["stocked"]:
        return
    await shop.engine.products.put(M, Product(code="cake", label="Cake", unit_price=2000, vat_rate=550, tracked=True))
    lines = (MovedLine(code="cake", quantity=GOODS),)
    await shop.engine.stock.move(M, NewMovement(kind="received", place="sto_1", lines=lines), key="goods", by=SELLER)
    shop.memory.remember("stocked", True)


async def _goods(shop: Shop) -> tuple[int, int]:
    """What is available of the product, and what is held."""

    def job() -> Job[Balance]:
        return balance(M, "stock:sto_1:cake")

    found = await shop.sql.read(job)
    return found.available, found.pending


async def _in_doubt(shop: Shop, amount: int) -> None:
    """A payment whose answer never came, unless it was declared declined before; from here on the process is killed."""
    session = await shop.opened(amount)
    if session.state == "decided" and not shop.memory["declined"]:
        session = await shop.accept()
        await shop.pay("card", f"key-{session.checkout_id}")
    shop.killer.armed = True


async def late(shop: Shop) -> None:
    """A person declares a payment in doubt declined while its approval is on the way: the approval is undone."""
    await _in_doubt(shop, 2570)
    if (await shop.look()).state == "unknown":
        await _resolve_while_asking(shop)
    shop.memory.remember("declined", True)
    expect_paid(await shop.until_paid("cash"), 2313)


async def _resolve_while_asking(shop: Shop) -> None:
    shop.terminal.kept_back = asyncio.Event()
    asking = asyncio.create_task(shop.engine.checkout.ask_status(M, shop.memory["session"]))
    await shop.terminal.held.wait()
    await shop.engine.resolving.payment(M, shop.memory["session"], "declined", "no slip printed", by=SELLER)
    shop.terminal.kept_back.set()
    await asking
    shop.terminal.kept_back = None


async def put_right(shop: Shop) -> None:
    """What a person declined, and the terminal does not answer about, a person ends; either word is said once."""
    await _in_doubt(shop, 2460)
    shop.terminal.status = shop.terminal.cancel = _unheard  # type: ignore[method-assign]
    with suppress(Conflict):  # it was ended before, by the word or by recovery
        await shop.engine.resolving.payment(M, shop.memory["session"], "declined", "no slip printed", by=SELLER)
    shop.memory.remember("declined", True)
    for waiting in await shop.sql.read(lambda: in_doubt(M)):
        payment_id = waiting.payment_id or ""
        await shop.engine.resolving.reversing(M, payment_id, "declined", "its list shows nothing", by=MANAGER)
    del shop.terminal.status, shop.terminal.cancel
    expect_paid(await shop.until_paid("cash"), 2214)


async def _unheard(reference: str) -> PaymentResult:
    raise DeviceError("terminal-away", reference)


async def _sold(shop: Shop, *amounts: int) -> None:
    if shop.memory["sale"] is None:
        await shop.opened(*amounts)
        shop.memory.remember("sale", (await shop.until_paid()).sale_id)


async def crowd(shop: Shop) -> None:
    """Two stations sell and refund until the process is killed."""
    shop.killer.armed = True
    await asyncio.gather(*(_sell_on(shop, station) for station in (STATION, "sta_2")))


async def _sell_on(shop: Shop, station: str) -> None:
    for number in range(10_000):
        try:
            await _one_sale(shop, station, number)
        except Conflict as error:
            assert error.code in ("illegal-move", "decision-changed", "payment-under-way", "already-accepted"), (
                error.code
            )


async def _one_sale(shop: Shop, station: str, number: int) -> None:
    engine = shop.engine
    current = await engine.stations.current(M, station)
    if current is not None and current.state == "unknown":
        await engine.checkout.ask_status(M, current.session_id)
    session = await engine.stations.open(M, station, [BasketEntry(amount=1000 + number % 300)])
    assert session.decision is not None
    session = await engine.checkout.accept(
        M, session.session_id, session.decision_id or "", session.decision.total, by=SELLER
    )
    key = f"key-{session.checkout_id}"
    session = await engine.checkout.pay(M, session.session_id, "card", key=key, by=SELLER)
    if session.state == "paid":
        shop.memory.remember(f"sold:{session.sale_id}", session.decision.total if session.decision else 0)
    if session.state == "paid" and number % 5 == 0:
        await engine.checkout.refund(M, session.sale_id or "", None, "broken", key=f"r-{key}", by=SELLER)


LIMIT = limit_account("off_ten:0:total:ever")
SCENARIOS: dict[str, Scenario] = {
    "card": card,
    "cash": cash,
    "whole": whole,
    "whole_cash": whole_cash,
    "declined": declined,
    "doubt": doubt,
    "abandon": abandon,
    "forgotten": forgotten,
    "refund": refund,
    "refund_declined": refund_declined,
    "refund_doubt": refund_doubt,
    "order": order,
    "order_given_up": order_given_up,
    "late": late,
    "put_right": put_right,
    "split": tenders.split,
    "split_declined": tenders.split_declined,
    "split_given_up": tenders.split_given_up,
    "split_refund": tenders.split_refund,
    "held": tenders.held,
    "hold_given_up": tenders.hold_given_up,
    "bank_away": tenders.bank_away,
    "bank_away_declined": tenders.bank_away_declined,
    "handed_over": handovers.handed_over,
    "handed_over_too_late": handovers.handed_over_too_late,
    "crowd": crowd,
}
