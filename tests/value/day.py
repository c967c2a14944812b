"""A day on which something of every kind of stored value happens."""

from datetime import UTC, datetime

from poi_engine.basket import BasketEntry
from poi_engine.value.bank_rows import Credit
from poi_engine.value.lines import GIFT_CARD, WALLET
from poi_engine.value.rules import BankAccount
from tests.engine.shop import SELLER, STATION, M, Shop

ACCOUNT = BankAccount(iban="FR1420041010050500013M02606", beneficiary="Boulangerie")


async def day_of_value(shop: Shop) -> None:
    """Something of everything."""
    engine, ada = shop.engine, await shop.customer()
    card = await engine.gift_cards.issue(M, by=SELLER)
    entries = (BasketEntry(code=WALLET, amount=2000), BasketEntry(code=GIFT_CARD + card.card_id, amount=1000))
    session = await shop.identify(await engine.stations.open(M, STATION, entries), ada)
    sold = await shop.pay(await shop.accept(session), "cash")
    await engine.wallets.statement(M, ada, after="trf_zz")
    await engine.gift_cards.look(M, card.code)
    loaded = await engine.gift_cards.load(M, card.code, 100, key="load", by=SELLER)
    await engine.gift_cards.reverse(M, loaded.operation_id, key="back", by=SELLER)
    await engine.checkout.refund(M, sold.sale_id or "", None, "mistaken", key="refund", by=SELLER)
    session = await shop.identify(await engine.stations.open(M, STATION), ada)
    tab = await engine.tabs.open(M, session.session_id, key="tab", by=SELLER)
    await shop.sell(70, means="tab", customer_id=ada)
    await engine.tabs.round()
    await engine.tabs.close(M, tab.tab_id, "the end", by=SELLER)
    await engine.tabs.of_customer(M, ada)
    await engine.bank.change_account(M, ACCOUNT, by=SELLER)
    waiting = await shop.sell(900, means="transfer")
    reference = (await engine.bank.awaited(M, waiting.session_id)).awaited.reference
    told = [
        Credit(credit_id=name, amount=900, currency="EUR", booked_at=datetime(2026, 11, 22, tzinfo=UTC), reference=ref)
        for name, ref in (("a", reference), ("b", reference), ("c", ""))
    ]
    await engine.bank.book(M, told, by=SELLER)
    await engine.bank.credits(M, "unmatched")
    await engine.bank.set_aside(M, "c", "the rent", by=SELLER)
