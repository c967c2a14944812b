"""No statement of the counter walks a table that grows with the sales: the ten millionth sale is as quick as the first.

The databases have no planner statistics, so SQLite goes by the shape of a statement alone. Asked to sort by a primary
key, for one, it walks the merchant's part of it rather than use the index that the condition asks for.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.checkout.doubts import in_doubt
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.clock import micros, moment
from poi_engine.errors import Conflict
from poi_engine.insights import Filter, InsightsReader, View
from poi_engine.insights.export import TABLES, pages
from poi_engine.offline.sales import LineOffer, OfflineLine, OfflineSale
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal
from poi_engine.segments.model import Any as AnyOf
from poi_engine.segments.model import Bought, Question, SegmentDraft
from poi_engine.segments.rfm import GROUPS
from poi_engine.session import Session
from poi_engine.settings import OfflinePolicy, write_setting
from poi_engine.setup import Setup
from poi_engine.staff.audit import Look, note_look
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import Frequency, InSegment
from poi_offers.offer_effects import AmountOff, Cashback, Effect, NextVisitCoupon, PercentOff
from poi_offers.offer_parts import Selector
from poi_server.nexo import messages
from tests.clientele.clientele_day import clientele
from tests.engine.plans import GROWING, Recorded, tables, walks
from tests.engine.shop import OTHER_STATION, SELLER, START, STATION, M, Shop
from tests.engine.tender_day import day_of_tenders
from tests.engine.test_identification import phone, token
from tests.fiscal.fiscal_day import day_of_books
from tests.orders.ordering import day_of_orders

DECLINED, APPROVED_UNHEARD, DECLINED_UNHEARD = 1005, 1013, 1014

ALLOWED = {
    "from sale where merchant_id = ? order by created_at desc, sale_id desc limit ?": "stops when the page is full",
}
"""How a statement that may walk ends, and why it may."""

ALONE = Offer(
    offer_id="off_alone",
    name={"en": "alone"},
    currency="EUR",
    effects=(PercentOff(percent=1000, on="line", items=Selector(products=("cafe",))),),
)
BAD = (
    "select * from payment where merchant_id = ? and state in ('sending', 'unknown') order by payment_id",
    "select total from sale where merchant_id = ? and refund_of = ? order by created_at, sale_id",
    "delete from token_use where merchant_id = ? and checkout_id = ?",
    "select l.line_id, sum(l.quantity) from sale s join sale_line l on l.merchant_id = s.merchant_id"
    " and l.sale_id = s.sale_id where s.merchant_id = ? and s.refund_of = ? group by l.line_id",
    "update outbox set delivered_at = 1 where kind = ?",
    "select count(*) from checkout",
)


@pytest.fixture
def database(sqlite_template: Path) -> Iterator[sqlite3.Connection]:
    """The schema, without rows."""
    with closing(sqlite3.connect(f"file:{sqlite_template}?mode=ro", uri=True)) as connection:
        yield connection


@pytest.mark.valkey
async def test_a_days_work_walks_no_growing_table(shop: Shop, database: sqlite3.Connection) -> None:
    recorded = Recorded(shop.sql)
    shop.sql = recorded
    shop.engine = shop.build()
    await day(shop)
    touched = {table for text in recorded.statements for table in tables(text).values()}
    assert touched >= GROWING, "the day leaves out a table that it should judge"
    found = {text: walks(database, text, values) for text, values in recorded.statements.items()}
    bad = {text: steps for text, steps in found.items() if steps and not text.endswith(tuple(ALLOWED))}
    assert not bad, "\n".join(f"{text}\n    {'; '.join(steps)}" for text, steps in bad.items())


@pytest.mark.parametrize("text", BAD)
def test_what_would_walk_is_noticed(text: str, database: sqlite3.Connection) -> None:
    assert walks(database, text, ["x"] * text.count("?"))


@pytest.mark.valkey
@pytest.mark.postgresql
async def test_the_same_day_on_postgresql(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> None:
    sql = open_sql(postgres_url)
    shop = Shop(sql, sessions, tmp_path)
    try:
        await shop.setup()
        await Setup(sql, shop.ids).load_zones()  # as the server does before it listens: here jobs run on the loop
        await day(shop)
        assert await verify(sql) == []
    finally:
        await shop.close()
        await sql.close()


async def day(shop: Shop) -> None:
    """Everything that a counter and its screens do."""
    await doubts(shop)
    await offers_and_refunds(shop)
    await readers(shop)
    await customers_word(shop)
    await clientele(shop)
    await day_of_orders(shop)
    await day_of_tenders(shop)
    await tills_of_others(shop)
    await day_of_books(shop)


async def tills_of_others(shop: Shop) -> None:
    """A till's request that speaks nexo: put on file, answered once, found again, forgotten in the end."""
    key, at = (M, "poi-1", "sale-1", "42"), micros(START)

    def job() -> Job[None]:
        for _ in range(2):
            yield from messages.begin(key, "msg_1", STATION, "Payment", b"hash", messages.Echo(), at)
        yield from messages.claim(key, "ses_1", STATION, at)
        assert not (yield from messages.is_acquired(M, "ses_1", at))
        yield from messages.answer(key, b"{}", at)
        assert (yield from messages.find(key)) is not None
        yield from messages.begin(key, "msg_2", STATION, "Payment", b"other", messages.Echo(), at + messages.REUSE_US)
        yield from messages.forget_old(M, at + messages.REUSE_US + messages.KEPT_US)
        assert (yield from messages.find(key)) is None

    await shop.sql.write(job)
    await card_holds(shop)


async def card_holds(shop: Shop) -> None:
    """A hold that a sale takes of, one that is let go, one whose answer is asked for later."""
    holds, checkout = shop.engine.holds, shop.engine.checkout
    taken = await holds.open(M, STATION, 1000, key="taken", by=SELLER)
    session = await shop.accept(await shop.basket(700))
    paid = await checkout.pay(M, session.session_id, "card", hold=taken.hold_id, key="of the hold", by=SELLER)
    assert paid.state == "paid"
    gone = await holds.open(M, STATION, 1000, key="gone", by=SELLER)
    assert (await holds.release(M, gone.hold_id, "went away", by=SELLER)).state == "released"
    late = await holds.open(M, STATION, APPROVED_UNHEARD, key="late", by=SELLER)
    await holds.round()
    assert (await holds.get(M, late.hold_id)).state == "held"
    assert await shop.sql.read(lambda: messages.subject_of(M, SELLER.access_id, "late")) == late.hold_id


def a_seller() -> Job[None]:
    """Somebody who sold while the server was away."""
    yield Query("insert into seller (merchant_id, seller_id, name) values (?, 'sel_2', 'Bob')", (M,))


async def bank_away(shop: Shop) -> None:
    """Cards taken without the bank, forwarded, one declined afterwards; nothing of them goes back before."""
    engine, policy = shop.engine, OfflinePolicy(card_floor_limit=5000)
    await shop.sql.write(lambda: write_setting(M, "offline", policy))
    shop.terminal.bank_away = True
    sales = [await shop.sell(amount) for amount in (1000, DECLINED)]
    shop.terminal.bank_away = False
    await engine.forwarding.round()
    (declined,) = await engine.forwarding.waiting(M)
    await engine.forwarding.end(M, declined.payment_id, "lost", "gone", by=SELLER)
    await engine.checkout.refund(M, sales[0].sale_id or "", None, "broken", key="at-risk", by=SELLER)


async def doubts(shop: Shop) -> None:
    """Payments that are declined, in doubt, resolved by the terminal, by a person, and by recovery; one forgotten."""
    engine = shop.engine
    await shop.sql.read(lambda: in_doubt(M))
    await engine.offers.create(M, ALONE)
    (listed,) = (await engine.local_offers.at(M, STATION)).items
    taken = LineOffer(offer_id=listed.offer_id, version=listed.version, saved=22)
    line, sold_at = OfflineLine(code="cafe", unit_price=220, offer=taken), moment(micros(START))
    await shop.sql.write(a_seller)
    queued = OfflineSale(offline_id="queued-while-away", sold_at=sold_at, lines=(line,), total=198, seller_id="sel_2")
    assert [one.code for one in await engine.offline.record(M, STATION, [queued, queued], by=SELLER)] == ["", ""]
    await engine.offers.remove(M, listed.offer_id)
    await bank_away(shop)
    declined = await shop.pay(await shop.accept(await shop.basket(DECLINED)), key="once")
    assert (await shop.pay(await shop.accept(declined), "cash")).state == "paid"
    assert (await shop.pay(declined, key="once")).state == "declined"
    unknown = await shop.sell(APPROVED_UNHEARD)
    assert (await engine.checkout.ask_status(M, unknown.session_id)).state == "paid"
    unknown = await shop.sell(APPROVED_UNHEARD)
    ended = await engine.resolving.payment(M, unknown.session_id, "declined", "no slip", by=SELLER)
    await engine.stations.abandon(M, ended.session_id)
    assert (await shop.sell(DECLINED_UNHEARD)).state == "unknown"
    await shop.accept(await shop.basket(700, station=OTHER_STATION))
    shop.clock.forward(16 * 60)
    recovered = await engine.recovery.run(grace=1)
    assert (recovered.resolved, recovered.let_go) == (1, 1)
    for station in (STATION, OTHER_STATION):
        session = await engine.stations.current(M, station)
        assert session is not None
        await engine.stations.abandon(M, session.session_id)
    await refund_in_doubt(shop)


async def refund_in_doubt(shop: Shop) -> None:
    """A refund that the terminal declines, one that it does not answer, and one by cash."""
    for amounts, means, refusal in (
        ((2095, 1005), "card", "refund-declined"),
        ((2087, 1013), "card", "refund-unknown"),
        ((500, 500), "cash", None),
    ):
        paid = await shop.sell(*amounts, means=means)
        for _ in range(2):
            try:
                back = await refund(shop, paid, f"refund-{paid.sale_id}")
            except Conflict as error:
                assert error.code == refusal
            else:
                assert back < 0


async def offers_and_refunds(shop: Shop) -> None:
    """A customer's points, wallet, coupon and reward, each given, spent and taken back; a code used once."""
    await create(shop, "off_ten", PercentOff(percent=1000), limits=(Limit(of="money", cap=10_000),))
    await create(shop, "off_cash", Cashback(amount=900))
    await create(shop, "off_give", NextVisitCoupon(offer_id="off_back", days=30))
    await create(shop, "off_back", AmountOff(amount=10), conditions=InSegment(any_of=("coupon:off_back",)))
    await create(shop, "off_reward", AmountOff(amount=100), reward_points=5)
    customer = await phone(shop)
    first = await shop.sell(2000, 1000, customer_id=customer)
    await shop.basket(600)
    session = await shop.engine.stations.present(M, STATION, token(shop))
    entries = [BasketEntry(amount=600)]
    session = await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
    accepted = await shop.accept(session)
    await shop.engine.stations.abandon(M, accepted.session_id)
    await shop.basket(600)
    session = await shop.engine.stations.present(M, STATION, token(shop, nonce=2))
    second = await shop.pay(await shop.accept(session), "wallet")
    assert second.state == "paid"
    assert await refund(shop, first, "part") < 0
    for paid in (first, second):
        await shop.engine.checkout.refund(M, paid.sale_id or "", None, "all", key=paid.session_id, by=SELLER)


async def customers_word(shop: Shop) -> None:
    """Points above the cap: refused on the phone, then given by PIN, let go again."""
    service, customer = shop.engine.confirmations, await shop.customer("Cy")
    own = Principal(merchant_id=M, access_id="acc_cy", role="phone", subject_id=customer)
    await shop.sell(1000, customer_id=customer)
    await service.set_cap(M, 0, by=SELLER)
    await service.set_pin(M, "5093", by=own)
    session = await shop.identify(await shop.basket(600), customer)
    entries = [BasketEntry(amount=600)]
    session = await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
    for given in (False, True):
        with pytest.raises(Conflict, match="the customer's word"):
            await shop.accept(session)
        asked = await service.of_customer(M, customer)
        assert asked is not None
        if given:
            await service.by_pin(M, session.session_id, "5093", by=SELLER)
        else:
            await service.answer(M, asked.confirmation_id, False, by=own)
    await shop.engine.stations.abandon(M, (await shop.accept(session)).session_id)
    await service.set_cap(M, 5000, by=SELLER)


async def readers(shop: Shop) -> None:
    """Lists, pages, receipts, figures."""
    engine = shop.engine
    page = await engine.sales.list(M, limit=2)
    assert await engine.sales.list(M, limit=2, after=page[-1].sale_id)
    [customer] = (await engine.clientele.search.find(M, "Ada", by=SELLER)).items
    mine = await engine.sales.list(M, customer_id=customer.customer_id, limit=2)
    assert await engine.sales.list(M, customer_id=customer.customer_id, after=mine[-1].sale_id)
    assert (await engine.sales.get(M, mine[-1].sale_id)).lines
    look = Look(merchant_id=M, by=SELLER, act="view-sales", subject_id=customer.customer_id, why="", at=micros(START))
    for number in range(2):
        await note_look(shop.sql, f"aud_look_{number}", look)
    assert (await engine.offers.use(M, "off_ten")).uses == 2
    today = moment(micros(START)).date()
    await insights(shop.sql, today)
    await segments(shop, today)
    await engine.customers.erase(M, customer.customer_id, by=SELLER)


async def insights(sql: Sql, today: date) -> None:
    """Figures, trends, cohorts, the sales behind a figure, and every table as a file."""
    reader = InsightsReader(sql)
    for store_id in (None, "sto_1"):
        for first in (today, today - timedelta(days=40)):
            view = View.of(M, first, today, store_id)
            assert (await reader.read(view, compare="year")).totals.sales > 0
            assert (await reader.best_sellers(view)).items
            for wanted in (Filter(), Filter(customer_id="cus_1", seller_id="sel_1"), Filter(code="", label="x")):
                await reader.sales(view, wanted, limit=2)
            page = await reader.sales(view, Filter(kind="sale"), limit=1)
            assert (await reader.sales(view, Filter(visitor="anonymous"), after=page.next)).items
            for table in TABLES.values():
                async for _ in pages(sql, table, view):
                    pass
        assert (await reader.cohorts(M, today, 12, store_id)).items


async def segments(shop: Shop, today: date) -> None:
    """A segment counted, sized, listed, exported, removed; a night over all of them; an offer's lift."""
    service = shop.engine.segments
    bought = Bought(products=("cafe",), categories=("food",), days=30)
    conditions = AnyOf(of=(bought, Frequency(min=1, days=7), InSegment(any_of=("rfm:new",))))
    made = await service.create(M, SegmentDraft(name={"en": "Mine"}, conditions=conditions), by=SELLER)
    await service.settle(M)
    assert (await service.size(M, Question(conditions=conditions), asker="x")).size == 1
    assert (await service.members(M, made.segment_id)).items
    assert [page async for page in await service.ids(M, made.segment_id, by=SELLER)]
    await create(shop, "off_held", AmountOff(amount=1), holdout=5000, conditions=InSegment(any_of=(made.segment_id,)))
    assert (await shop.engine.lifts.of_offer(M, "off_held", today, today)).audience
    await shop.engine.offers.remove(M, "off_held")
    shop.clock.forward(86_400)
    await service.settle(M)
    await service.remove(M, made.segment_id, by=SELLER)
    await service.settle(M)
    assert len((await service.list(M)).items) == len(GROUPS)


async def create(shop: Shop, offer_id: str, effect: Effect, **changes: object) -> None:
    """An offer with one effect."""
    name = {"en": offer_id}
    offer = Offer(offer_id=offer_id, name=name, currency="EUR", effects=(effect,), **changes)  # type: ignore[arg-type]
    await shop.engine.offers.create(M, offer)


async def refund(shop: Shop, paid: Session, key: str) -> int:
    """Take back the second line; returns the refund's total in minor units."""
    lines = [ReturnedLine(line_id="2", quantity=1000)]
    return (await shop.engine.checkout.refund(M, paid.sale_id or "", lines, "broken", key=key, by=SELLER)).total
