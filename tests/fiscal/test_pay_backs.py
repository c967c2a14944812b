"""Stored value paid back for good: never on a closed day, and in the closing of the till that paid it."""

from datetime import date

import pytest
from msgspec.structs import replace

from poi_engine.errors import Conflict
from poi_engine.fiscal.model import Closing, PayBacks
from poi_engine.fiscal.reporting import as_csv, report_of
from poi_engine.fiscal.totals import MeansTotal
from poi_engine.value.tab_rows import Tab
from poi_engine.value.wallet import PaidBack
from poi_engine.verify import verify
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.value.test_tabs import buy, open_tab
from tests.value.test_wallets import load

DAY = 86_400.0
AT_TILL = replace(SELLER, signed_in_at=STATION)

pytestmark = pytest.mark.valkey


async def close_out(shop: Shop, amount: int, by: PaidBack = "cash", *, at_till: bool = True) -> None:
    """A new customer's wallet is loaded, and paid back."""
    ada = await shop.customer()
    await load(shop, amount, ada)
    await shop.engine.wallets.close_out(M, ada, by, "moves", key=shop.key(), by=AT_TILL if at_till else SELLER)


async def close_gift_card(shop: Shop, amount: int) -> None:
    """A gift card is loaded, and closed for good."""
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await shop.engine.gift_cards.load(M, card.code, amount, key=shop.key(), by=SELLER)
    await shop.engine.gift_cards.close(M, card.card_id, "transfer", "lost", key=shop.key(), by=AT_TILL)


async def owed_tab(shop: Shop, amount: int) -> Tab:
    """A tab whose sale is refunded after the card's capture: it owes that."""
    ada = await shop.customer()
    tab = await open_tab(shop, ada, key=shop.key())
    bought = await buy(shop, ada, amount)
    await shop.engine.tabs.close(M, tab.tab_id, "the day is over", by=SELLER)
    await shop.engine.checkout.refund(M, bought.sale_id or "", None, "stale", key=shop.key(), by=SELLER)
    return tab


async def pay_back(shop: Shop, tab: Tab) -> Tab:
    """What a tab owes is paid back at the till."""
    return await shop.engine.tabs.pay_back(M, tab.tab_id, "cash", "stale", key=shop.key(), by=AT_TILL)


async def closed(shop: Shop) -> Closing:
    """The day's closing."""
    return (await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)).closing


def back(means: str, amount: int, count: int) -> MeansTotal:
    """What was paid back by a means."""
    return MeansTotal(means=means, amount=amount, count=count)


async def test_a_closing_adds_up_what_was_paid_back_at_its_till_alone(shop: Shop) -> None:
    await close_out(shop, 2000)
    await close_out(shop, 500)
    await close_out(shop, 900, at_till=False)
    await close_gift_card(shop, 300)
    await pay_back(shop, await owed_tab(shop, 120))
    made = await closed(shop)
    assert made.paid_back.by == (back("cash", 2620, 3), back("transfer", 300, 1))
    assert [(part.means, part.amount) for part in made.means] == [("cash", 3400), ("tab", 0)], (
        "what came in is told as it was"
    )
    events = await shop.engine.fiscal.events(M, "", before=1 << 60, limit=10)
    assert [one.values["amount"] for one in events if one.kind == "paid-back"] == [900]
    assert await verify(shop.sql) == []


async def test_days_go_on_from_one_another_and_the_month_adds_them_up(shop: Shop) -> None:
    days = []
    for amount in (1000, 200, 0, 30):
        if amount:
            await close_out(shop, amount)
        else:
            await shop.sell(100)
        days.append(await closed(shop))
        shop.clock.forward(DAY)
    assert [one.paid_back.by for one in days] == [
        (back("cash", 1000, 1),),
        (back("cash", 200, 1),),
        (),
        (back("cash", 30, 1),),
    ]
    assert [one.paid_back.first for one in days[1:]] == [one.paid_back.last + 1 for one in days[:-1]]
    shop.clock.forward(30 * DAY)
    await shop.engine.fiscal.round()
    (month,) = [
        one.closing
        for one in await shop.engine.fiscal.closings(M, STATION, before=1 << 60, limit=50)
        if one.closing.kind == "month"
    ]
    assert month.paid_back == PayBacks(
        first=days[0].paid_back.first, last=days[-1].paid_back.last, by=(back("cash", 1230, 3),)
    )
    assert await verify(shop.sql) == []


async def test_a_day_that_is_closed_late_holds_what_it_paid_back_itself(shop: Shop) -> None:
    """The first closing is that of the last day, and what was before it is carried."""
    for amount in (50, 1000):
        await close_out(shop, amount)
        shop.clock.forward(DAY)
    await shop.engine.fiscal.round()
    for amount in (200, 30, 4):
        await close_out(shop, amount)
        shop.clock.forward(DAY)
    await shop.engine.fiscal.round()
    made = await shop.engine.fiscal.closings(M, STATION, before=1 << 60, limit=10)
    days = [one.closing.paid_back.by for one in made[::-1] if one.closing.kind == "day"]
    assert days == [(back("cash", amount, 1),) for amount in (1000, 200, 30, 4)]
    assert await verify(shop.sql) == []


async def test_nothing_is_paid_back_at_a_till_whose_day_is_closed(shop: Shop) -> None:
    ada = await shop.customer()
    await load(shop, 2000, ada)
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await shop.engine.gift_cards.load(M, card.code, 300, key=shop.key(), by=SELLER)
    tab = await owed_tab(shop, 120)
    await closed(shop)
    with pytest.raises(Conflict, match="day is closed"):
        await shop.engine.wallets.close_out(M, ada, "cash", "moves", key=shop.key(), by=AT_TILL)
    with pytest.raises(Conflict, match="day is closed"):
        await shop.engine.gift_cards.close(M, card.card_id, "cash", "lost", key=shop.key(), by=AT_TILL)
    with pytest.raises(Conflict, match="day is closed"):
        await pay_back(shop, tab)
    assert await shop.balance(f"wallet:{ada}") == 2000
    acts = "('wallet-closed-out', 'gift-card-closed', 'tab-paid-back')"
    assert await shop.rows(f"select act from audit where act in {acts}") == []
    shop.clock.forward(DAY)
    assert (await pay_back(shop, tab)).left == 0
    await shop.engine.wallets.close_out(M, ada, "cash", "moves", key=shop.key(), by=AT_TILL)
    assert await shop.balance(f"wallet:{ada}") == 0


async def test_the_days_report_names_what_was_paid_back(shop: Shop) -> None:
    await close_out(shop, 2050)
    made = await closed(shop)
    report = await shop.sql.read(lambda: report_of(M, date.fromisoformat(made.period)))
    assert report.paid_back == (back("cash", 2050, 1),)
    assert (report.total, report.turnover, report.stored) == (2050, 0, 2050)
    assert as_csv([report], 2).splitlines()[-1] == f"{made.period},EUR,paid-back,cash,,,20.50,1"
