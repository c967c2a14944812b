"""What the till does, each scenario so that it can be repeated from its start after any crash."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

from poi_engine.basket import BasketEntry
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict
from poi_engine.goods.products import Product
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ids import Ids
from poi_engine.ledger import Balance, Move, balance, enter
from poi_engine.limits import limit_account
from poi_engine.orders.ahead import Wished
from poi_engine.orders.placing import Orderer
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_engine.settings import OfflinePolicy, Ordering, Programme, write_setting
from poi_engine.whole_sale import Wish
from tests.adversity.till import MANAGER, STATION, TRIES, M, Shop
from tests.engine.shop import SELLER

GOODS = 5000
Scenario = Callable[[Shop], Awaitable[None]]


async def card(shop: Shop) -> None:
    """A sale by card: the terminal approves."""
    await shop.opened(2000)
    shop.killer.armed = True
    session = await shop.until_paid()
    _expect(session, 1800)
    await shop.paid_again()


async def cash(shop: Shop) -> None:
    """A sale in cash: one transaction."""
    await shop.opened(2000)
    shop.killer.armed = True
    _expect(await shop.until_paid("cash"), 1800)
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
            return _expect(session, 1800)
        assert session.state == "declined"  # it never reached the terminal
        shop.memory.remember("attempt", (shop.memory["attempt"] or 0) + 1)
    raise AssertionError("the whole sale had no answer")


async def declined(shop: Shop) -> None:
    """The terminal declines 22.05; the customer pays in cash."""
    await shop.opened(2450)
    shop.killer.armed = True
    _expect(await shop.until_paid(then="cash"), 2205)
    await shop.paid_again()


async def doubt(shop: Shop) -> None:
    """The terminal approves 23.13 and does not answer; its status tells."""
    await shop.opened(2570)
    shop.killer.armed = True
    _expect(await shop.until_paid(then="cash"), 2313)
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
    _expect(await shop.until_paid("cash"), 1800)


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
    _expect(await shop.until_paid(), 1800)
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


async def late(shop: Shop) -> None:
    """A person declares a payment in doubt declined while its approval is on the way: the approval is undone."""
    session = await shop.opened(2570)
    if session.state == "decided" and not shop.memory["declined"]:
        session = await shop.accept()
        await shop.pay("card", f"key-{session.checkout_id}")
    shop.killer.armed = True
    if (await shop.look()).state == "unknown":
        await _resolve_while_asking(shop)
    shop.memory.remember("declined", True)
    _expect(await shop.until_paid("cash"), 2313)


async def _resolve_while_asking(shop: Shop) -> None:
    shop.terminal.kept_back = asyncio.Event()
    asking = asyncio.create_task(shop.engine.checkout.ask_status(M, shop.memory["session"]))
    await shop.terminal.held.wait()
    await shop.engine.checkout.resolve(M, shop.memory["session"], "declined", "no slip printed", by=SELLER)
    shop.terminal.kept_back.set()
    await asking
    shop.terminal.kept_back = None


async def _sold(shop: Shop, *amounts: int) -> None:
    if shop.memory["sale"] is None:
        await shop.opened(*amounts)
        shop.memory.remember("sale", (await shop.until_paid()).sale_id)


def _expect(session: Session, total: int) -> None:
    assert session.decision is not None
    assert (session.state, session.decision.total) == ("paid", total)


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


PARTS = (("wallet", 500), ("card", 700))


async def split(shop: Shop) -> None:
    """The wallet and a card pay a part each, cash the rest."""
    await _loaded(shop)
    await shop.opened(2000)
    shop.killer.armed = True
    session = await shop.paid_in_parts(1800, PARTS)
    if session.state == "paying":
        session = await shop.pay("cash", "rest")
    _expect(session, 1800)
    assert await _wallet(shop) == (0, 0)


async def split_declined(shop: Shop) -> None:
    """After 5.00 in cash a card is declined for 5.05: the cash stays, and another card pays the rest."""
    await shop.opened(2000)
    shop.killer.armed = True
    session = await shop.paid_in_parts(1800, (("cash", 500),))
    if session.state == "paying" and not shop.memory["declined"]:
        declined = await shop.pay("card", "no", 505)
        assert (declined.state, declined.due) == ("paying", 1300)
        shop.memory.remember("declined", True)
    if session.state == "paying":
        session = await shop.paid_in_parts(1800, (("cash", 500), ("card", 1300)))
    _expect(session, 1800)


async def split_given_up(shop: Shop) -> None:
    """Paid in part and given up: the wallet has it all, and the terminal undoes what it took."""
    await _loaded(shop)
    await shop.opened(2000)
    shop.killer.armed = True
    session = await shop.look()
    if session.state != "abandoned":
        await shop.paid_in_parts(1800, PARTS)
        await shop.engine.stations.abandon(M, shop.memory["session"])
    assert (await shop.look()).state == "abandoned"
    assert await _wallet(shop) == (500, 0)


async def split_refund(shop: Shop) -> None:
    """A sale that two cards and the wallet paid comes back wholly: one operation of the terminal after the other."""
    await _loaded(shop)
    if shop.memory["sale"] is None:
        await shop.opened(2000)
        session = await shop.paid_in_parts(1800, (*PARTS, ("card", 600)))
        shop.memory.remember("sale", session.sale_id)
    shop.killer.armed = True
    key = "back"
    if await shop.refund(shop.memory["sale"], None, key) is None:  # nothing of it reached the terminal
        key = "back once more"
    assert await shop.refund(shop.memory["sale"], None, key)
    assert await _wallet(shop) == (500, 0)


async def bank_away(shop: Shop) -> None:
    """A card is taken while the bank is away, and charged when it is back."""
    await _taken_without_the_bank(shop, 2000)
    assert await _forwarded(shop) == ["forwarded"]


async def bank_away_declined(shop: Shop) -> None:
    """The bank declines 22.05 afterwards: the sale stands, and a person is told, once."""
    await _taken_without_the_bank(shop, 2450)
    assert await _forwarded(shop) == ["declined"]


async def _taken_without_the_bank(shop: Shop, amount: int) -> None:
    policy = OfflinePolicy(card_floor_limit=5000, card_cap=5000)
    await shop.sql.write(lambda: write_setting(M, "offline", policy))
    await shop.opened(amount)
    shop.terminal.bank_away = True
    shop.killer.armed = True
    assert (await shop.until_paid()).state == "paid"
    shop.terminal.bank_away = False
    await shop.engine.forwarding.round()


async def _forwarded(shop: Shop) -> list[str]:
    """What became of those whose payment stands; each is charged once, and each decline is told once."""

    def job() -> Job[tuple[list[str], int]]:
        rows = yield Query("select state from forwarding where state <> 'dropped'")
        told = yield Query("select count(*) as n from audit where act = 'forward-declined'")
        return [str(row["state"]) for row in rows], int(told[0]["n"])

    states, told = await shop.sql.read(job)
    assert told == states.count("declined")
    assert [one.forwarded for one in shop.terminal.book.operations() if one.forwarded] == [1]
    return states


async def _loaded(shop: Shop) -> None:
    """5.00 in the customer's wallet."""
    if shop.memory["loaded"]:
        return
    found = await shop.engine.clientele.search.find(M, "Ada", by=MANAGER)
    account = f"wallet:{found.items[0].customer_id}"
    move = Move(kind="load", debit="stored_value", credit=account, amount=500, unit="EUR")
    await shop.sql.write(lambda: enter(M, "load", [move], ids=Ids(shop.clock.now), at=1))
    shop.memory.remember("loaded", account)


async def _wallet(shop: Shop) -> tuple[int, int]:
    """What is available in the wallet, and what is held."""
    found = await shop.sql.read(lambda: balance(M, shop.memory["loaded"]))
    return found.available, found.pending


async def held(shop: Shop) -> None:
    """25.00 are held on a card before the sale, which takes its 18.00 of that: in one capture, once."""
    await shop.opened(2000)
    shop.killer.armed = True
    await _hold(shop, 2500)
    _expect(await shop.until_paid(), 1800)
    await shop.paid_again()
    taken = [one for one in shop.terminal.book.operations() if one.kind == "capture" and one.approved]
    assert [(one.of_reference, one.amount) for one in taken] == [(shop.memory["hold"], 1800)]


async def hold_given_up(shop: Shop) -> None:
    """The customer goes away: nothing stays reserved, and the card is let go."""
    await shop.opened(2000)
    shop.killer.armed = True
    await _hold(shop, 2500)
    if (await shop.look()).state == "decided":
        await shop.accept()
    await shop.engine.stations.abandon(M, shop.memory["session"])
    hold = await shop.engine.holds.release(M, shop.memory["hold"], "went away", by=SELLER)
    assert hold.state == "released"
    book = shop.terminal.book.find(hold.hold_id)
    assert book is not None and book.cancelled


async def _hold(shop: Shop, amount: int) -> None:
    """The card held; what never reached the terminal is asked for anew."""
    if shop.memory["hold"] is not None:
        return
    holds = shop.engine.holds
    for number in range(3):
        hold = await holds.open(M, STATION, amount, key=f"hold-{number}", by=SELLER)
        hold = await holds.ask(M, hold.hold_id)
        if hold.state == "held":
            shop.memory.remember("hold", hold.hold_id)
            return
        assert hold.state == "declined"
    raise AssertionError("the card was never held")


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
    "split": split,
    "split_declined": split_declined,
    "split_given_up": split_given_up,
    "split_refund": split_refund,
    "held": held,
    "hold_given_up": hold_given_up,
    "bank_away": bank_away,
    "bank_away_declined": bank_away_declined,
    "crowd": crowd,
}
