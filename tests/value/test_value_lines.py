"""Stored value sold at the counter: loaded once, by the sale that was paid for it, and taken back while it is there."""

import asyncio
from datetime import timedelta

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.fiscal.reporting import as_csv, report_of
from poi_engine.fiscal.times import local_day
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_engine.value.lines import GIFT_CARD, WALLET
from poi_engine.verify import verify
from poi_offers.model import Offer
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey
DECLINED, UNHEARD = 1005, 1013


async def basket(shop: Shop, *entries: BasketEntry, customer_id: str | None = None) -> Session:
    session = await shop.engine.stations.open(M, STATION, entries)
    return await shop.identify(session, customer_id) if customer_id else session


async def load(shop: Shop, code: str, amount: int, customer_id: str | None = None, means: str = "cash") -> Session:
    session = await basket(shop, BasketEntry(code=code, amount=amount), customer_id=customer_id)
    return await shop.pay(await shop.accept(session), means)


async def refund(shop: Shop, sale_id: str | None, by: Principal = SELLER) -> None:
    await shop.engine.checkout.refund(M, sale_id or "", None, "changed their mind", key=shop.key(), by=by)


async def test_a_wallet_is_loaded_with_what_was_paid_for_it(shop: Shop) -> None:
    ada = await shop.customer()
    paid = await load(shop, WALLET, 2000, ada, "card")
    assert paid.state == "paid"
    assert await shop.balance(f"wallet:{ada}") == 2000
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert (sale.total, sale.lines[0].vat_rate, sale.lines[0].code) == (2000, 0, WALLET)


async def test_offers_and_points_see_the_goods_only(shop: Shop) -> None:
    half = Offer(offer_id="off_1", name={"en": "half"}, currency="EUR", effects=(PercentOff(percent=5000),))
    await shop.engine.offers.create(M, half)
    ada = await shop.customer()
    entries = (BasketEntry(amount=1000), BasketEntry(code=WALLET, amount=3000))
    session = await basket(shop, *entries, customer_id=ada)
    assert session.decision is not None
    assert (session.decision.subtotal, session.decision.saved, session.decision.total) == (4000, 500, 3500)
    assert session.decision.base_points == 5
    await shop.pay(await shop.accept(session), "cash")
    assert await shop.balance(f"wallet:{ada}") == 3000


async def test_nothing_is_loaded_by_a_payment_that_failed_or_is_in_doubt(shop: Shop) -> None:
    ada = await shop.customer()
    assert (await load(shop, WALLET, DECLINED, ada, "card")).state == "declined"
    assert await shop.balance(f"wallet:{ada}") == 0
    session = await shop.engine.stations.current(M, STATION)
    assert session is not None
    await shop.engine.stations.abandon(M, session.session_id)
    doubtful = await load(shop, WALLET, UNHEARD, ada, "card")
    assert doubtful.state == "unknown"
    assert await shop.balance(f"wallet:{ada}") == 0
    await shop.restart()
    assert await shop.balance(f"wallet:{ada}") == UNHEARD, "the terminal said it was approved: once, whoever asks"


async def test_a_wallet_needs_its_customer(shop: Shop) -> None:
    with pytest.raises(Conflict) as refused:
        await shop.accept(await basket(shop, BasketEntry(code=WALLET, amount=100)))
    assert refused.value.code == "customer-needed"


async def test_a_wallet_holds_no_more_than_the_most(shop: Shop) -> None:
    ada = await shop.customer()
    await load(shop, WALLET, 24_000, ada)
    with pytest.raises(Conflict) as refused:
        await load(shop, WALLET, 1001, ada)
    assert refused.value.code == "value-limit"


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (BasketEntry(code=WALLET), "$.entries[0].amount"),
        (BasketEntry(code=WALLET, amount=0), "$.entries[0].amount"),
        (BasketEntry(code=WALLET, amount=100, quantity=2000), "$.entries[0].quantity"),
    ],
)
async def test_a_value_line_has_an_amount_and_no_quantity(shop: Shop, entry: BasketEntry, path: str) -> None:
    with pytest.raises(RequestError) as refused:
        await basket(shop, entry)
    assert refused.value.path == path


async def test_a_refund_takes_the_value_back_while_it_is_there(shop: Shop) -> None:
    ada = await shop.customer()
    paid = await load(shop, WALLET, 2000, ada)
    await refund(shop, paid.sale_id)
    assert await shop.balance(f"wallet:{ada}") == 0


async def test_value_that_is_spent_is_not_paid_back(shop: Shop) -> None:
    ada = await shop.customer()
    paid = await load(shop, WALLET, 2000, ada, "card")
    await shop.sell(1, means="wallet", customer_id=ada)
    with pytest.raises(Conflict) as refused:
        await refund(shop, paid.sale_id)
    assert refused.value.code == "value-spent"
    assert await shop.balance(f"wallet:{ada}") == 1999


async def test_while_a_refund_is_in_doubt_its_value_cannot_be_spent(shop: Shop) -> None:
    ada = await shop.customer()
    paid = await load(shop, WALLET, UNHEARD, ada, "card")
    await shop.restart()
    current = await shop.engine.stations.get(M, paid.session_id)
    with pytest.raises(Conflict) as doubt:
        await refund(shop, current.sale_id)
    assert doubt.value.code == "refund-unknown"
    assert await shop.balance(f"wallet:{ada}") == 0
    (open_one,) = await shop.engine.checkout.refunds.in_doubt(M, current.sale_id or "")
    await shop.engine.resolving.refund(
        M, current.sale_id or "", open_one.refund_id, "declined", "no money came", by=SELLER
    )
    assert await shop.balance(f"wallet:{ada}") == UNHEARD


async def test_a_gift_card_is_sold_then_pays_no_more_than_it_holds(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    assert (card.state, card.balance) == ("issued", 0)
    await load(shop, f"{GIFT_CARD}{card.card_id}", 5000, means="card")
    loaded = await shop.engine.gift_cards.look(M, card.code.upper().replace("-", " "))
    assert (loaded.state, loaded.balance) == ("active", 5000)
    assert loaded.expires_at is not None


async def test_a_card_that_is_not_there_is_not_sold(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await load(shop, f"{GIFT_CARD}gft_none", 100)


async def test_many_loads_at_once_all_arrive(shop: Shop) -> None:
    """Two tills load one card at the same moment: SQL adds them up."""
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    code = f"{GIFT_CARD}{card.card_id}"

    async def at(station: str) -> None:
        session = await shop.engine.stations.open(M, station, (BasketEntry(code=code, amount=700),))
        await shop.pay(await shop.accept(session), "cash")

    await asyncio.gather(at("sta_1"), at("sta_2"))
    assert await shop.balance(f"gift_card:{card.card_id}") == 1400


async def test_a_load_is_no_spending_until_it_is_spent(shop: Shop) -> None:
    ada = await shop.customer()
    paid = await load(shop, WALLET, 24_000, ada)
    bought = await shop.sell(1000, means="wallet", customer_id=ada)
    (row,) = await shop.rows("select spend, visits, tier from customer")
    assert row == {"spend": 1000, "visits": 2, "tier": "member"}
    session = await shop.identify(await shop.basket(100), ada)
    assert session.facts is not None
    assert set(session.facts.spend_in.values()) == {1000}
    await refund(shop, bought.sale_id)
    await refund(shop, paid.sale_id)
    assert (await shop.rows("select spend from customer")) == [{"spend": 0}]


async def test_no_more_than_the_most_is_loaded_by_two_sales_at_once(shop: Shop) -> None:
    ada = await shop.customer()
    sessions = []
    for station in (STATION, OTHER_STATION):
        session = await shop.engine.stations.open(M, station, (BasketEntry(code=WALLET, amount=20_000),))
        sessions.append(await shop.identify(session, ada))
    first = await shop.accept(sessions[0])
    with pytest.raises(Conflict) as refused:
        await shop.accept(sessions[1])
    assert refused.value.code == "value-limit"
    await shop.pay(first, "cash")
    assert await shop.balance(f"wallet:{ada}") == 20_000


async def test_what_a_merged_customer_had_under_way_is_loaded_for_who_lives_on(shop: Shop) -> None:
    ada, bob = await shop.customer(), await shop.customer("Bob")
    session = await shop.accept(await basket(shop, BasketEntry(code=WALLET, amount=2000), customer_id=ada))
    await shop.engine.clientele.merges.merge(M, bob, ada, key="merge", by=SELLER)
    assert (await shop.pay(session, "cash")).state == "paid"
    assert (await shop.balance(f"wallet:{ada}"), await shop.balance(f"wallet:{bob}")) == (0, 2000)
    assert await verify(shop.sql) == []


async def test_what_is_given_up_loads_nothing_and_leaves_room(shop: Shop) -> None:
    ada = await shop.customer()
    session = await shop.accept(await basket(shop, BasketEntry(code=WALLET, amount=25_000), customer_id=ada))
    await shop.engine.stations.abandon(M, session.session_id, by=SELLER)
    assert (await load(shop, WALLET, 25_000, ada)).state == "paid"
    assert await shop.balance(f"wallet:{ada}") == 25_000
    assert await verify(shop.sql) == []


async def test_stored_value_is_turnover_when_it_is_spent_and_not_when_it_is_sold(shop: Shop) -> None:
    """A gift card or wallet serves for goods of any rate: its VAT is due at its use."""
    ada = await shop.customer()
    await load(shop, WALLET, 5000, ada)
    spent = await basket(shop, BasketEntry(amount=2000), customer_id=ada)
    await shop.pay(await shop.accept(spent), "wallet")
    await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    day = local_day(shop.engine.wiring.at(), "Europe/Paris")
    report = await shop.sql.read(lambda: report_of(M, day))
    assert (report.total, report.stored, report.turnover) == (7000, 5000, 2000)
    assert [(part.rate, part.gross) for part in report.vat] == [(2000, 2000)]
    assert [(one.means, one.amount) for one in report.means] == [("cash", 5000), ("wallet", 2000)]
    assert f"{day},EUR,stored,,,,50.00," in as_csv([report], 2)
    shop.clock.forward(86_400)
    await refund(shop, (await load(shop, WALLET, 700, ada)).sale_id)
    await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    report = await shop.sql.read(lambda: report_of(M, day + timedelta(days=1)))
    assert (report.total, report.stored, report.turnover, report.vat) == (0, 0, 0, ())
    assert await verify(shop.sql) == []
