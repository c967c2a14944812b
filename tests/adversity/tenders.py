"""What the till does with several tenders, with cards held beforehand, and while the bank is away."""

from poi_engine.ids import Ids
from poi_engine.ledger import Move, balance, enter
from poi_engine.ports import Job, Query
from poi_engine.settings import OfflinePolicy, write_setting
from tests.adversity.till import MANAGER, STATION, M, Shop, expect_paid
from tests.engine.shop import SELLER

PARTS = (("wallet", 500), ("card", 700))


async def split(shop: Shop) -> None:
    """The wallet and a card pay a part each, cash the rest."""
    await _loaded(shop)
    await shop.opened(2000)
    shop.killer.armed = True
    session = await shop.paid_in_parts(1800, PARTS)
    if session.state == "paying":
        session = await shop.pay("cash", "rest")
    expect_paid(session, 1800)
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
    expect_paid(session, 1800)


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
    expect_paid(await shop.until_paid(), 1800)
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
