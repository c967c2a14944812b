"""A wallet: every movement is on its statement, nothing makes it negative, and it ends paid back or lapsed."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poi_engine import ledger
from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.ids import Ids
from poi_engine.ledger import Insufficient, Move, Phase, Step
from poi_engine.ports import Job, Sql
from poi_engine.session import Session
from poi_engine.storage import open_sql
from poi_engine.value.lines import WALLET
from poi_engine.value.rules import StoredValueRules
from tests.engine.shop import SELLER, STATION, M, Shop

MONTH_SECONDS = 2_629_746
DAY_SECONDS = 86_400
ADA = "wallet:cus_ada"
PHASES: tuple[Phase, ...] = ("single", "pending")


async def load(shop: Shop, amount: int, customer_id: str) -> Session:
    session = await shop.engine.stations.open(M, STATION, (BasketEntry(code=WALLET, amount=amount),))
    session = await shop.identify(session, customer_id)
    return await shop.pay(await shop.accept(session), "cash")


@pytest.mark.valkey
async def test_a_statement_shows_every_movement_newest_first_and_adds_up(shop: Shop) -> None:
    ada = await shop.customer()
    paid_in = await load(shop, 2000, ada)
    shop.clock.forward(1)
    bought = await shop.sell(300, means="wallet", customer_id=ada)
    shop.clock.forward(1)
    await shop.engine.checkout.refund(M, bought.sale_id or "", None, "stale", key="back", by=SELLER)
    statement = await shop.engine.wallets.statement(M, ada)
    shown = [(one.kind, one.amount) for one in statement.items]
    assert shown == [("refund", 300), ("tender", -300), ("load", 2000)]
    assert statement.items[-1].sale_id == paid_in.sale_id
    assert sum(one.amount for one in statement.items) == statement.available == 2000
    pages, after = [], ""
    while True:
        page = await shop.engine.wallets.statement(M, ada, limit=1, after=after)
        pages += [(one.kind, one.amount) for one in page.items]
        if page.next is None:
            break
        after = page.next
    assert pages == shown


@pytest.mark.valkey
async def test_closing_out_pays_all_back_once_and_is_audited(shop: Shop) -> None:
    ada = await shop.customer()
    await load(shop, 2000, ada)
    closed = await shop.engine.wallets.close_out(M, ada, "cash", "moves away", key="out", by=SELLER)
    assert closed.amount == 2000
    assert await shop.engine.wallets.close_out(M, ada, "cash", "moves away", key="out", by=SELLER) == closed
    assert await shop.balance(f"wallet:{ada}") == 0
    with pytest.raises(Conflict) as refused:
        await shop.engine.wallets.close_out(M, ada, "cash", "again", key="other", by=SELLER)
    assert refused.value.code == "nothing-left"
    (row,) = await shop.rows("select who, why from audit where act = 'wallet-closed-out'")
    assert row == {"who": "seller:sel_1", "why": "2000 EUR by cash; moves away"}


@pytest.mark.valkey
async def test_a_wallet_lapses_after_a_warning_and_a_movement_puts_it_off(shop: Shop) -> None:
    ada = await shop.customer()
    await load(shop, 2000, ada)
    shop.clock.forward(24 * MONTH_SECONDS - 20 * DAY_SECONDS)
    assert await shop.engine.expiry.run(M) == 0
    (warned,) = await shop.rows("select document from outbox where kind = 'wallet.expiring'")
    assert '"amount":2000' in str(warned["document"])
    await shop.sell(500, means="wallet", customer_id=ada)
    shop.clock.forward(31 * DAY_SECONDS)
    assert await shop.engine.expiry.run(M) == 0, "paying put it off"
    shop.clock.forward(24 * MONTH_SECONDS)
    assert await shop.engine.expiry.run(M) == 0, "nobody was told of this end yet"
    shop.clock.forward(31 * DAY_SECONDS)
    assert await shop.engine.expiry.run(M) == 1
    assert await shop.balance(f"wallet:{ada}") == 0
    assert await shop.balance("stored_value_expired") == 1500


@pytest.mark.valkey
async def test_a_merchant_may_let_nothing_lapse(shop: Shop) -> None:
    await shop.engine.expiry.change(M, StoredValueRules(wallet_months=None), by=SELLER)
    ada = await shop.customer()
    await load(shop, 2000, ada)
    shop.clock.forward(240 * MONTH_SECONDS)
    assert await shop.engine.expiry.run(M) == 0
    assert (await shop.engine.wallets.statement(M, ada)).expires_at is None


def _spend(ids: Ids, name: str, amount: int, phase: Phase) -> Job[None]:
    move = Move(kind="tender", debit=ADA, credit="tender:wallet", amount=amount, unit="EUR")
    yield from ledger.change(M, [Step(checkout_id=name, phase=phase, moves=(move,))], ids=ids, at=1)


async def _try(sql: Sql, ids: Ids, name: str, amount: int, phase: Phase) -> int:
    try:
        await sql.write(lambda: _spend(ids, name, amount, phase))
    except Insufficient:
        return 0
    return amount


@pytest.fixture
async def storages(sql_url: str) -> AsyncIterator[list[Sql]]:
    """One storage on SQLite, which belongs to one process; three on PostgreSQL, as so many processes have them."""
    opened = [open_sql(sql_url) for _ in range(3 if sql_url.startswith("postgres") else 1)]
    yield [*opened]
    for one in opened:
        await one.close()


async def test_however_many_spend_at_once_a_wallet_is_never_below_zero(storages: list[Sql]) -> None:
    """Two hundred payments and holds of a wallet at the same time: what was let through is what left it, and one cent
    more would not have been."""
    ids, dice, sql = Ids(lambda: 0.0), random.Random(7), storages[0]
    given = Move(kind="load", debit="stored_value", credit=ADA, amount=10_000, unit="EUR")
    await sql.write(lambda: ledger.enter(M, "load", [given], ids=ids, at=0))
    wishes = [(f"chk_{n}", dice.randint(1, 400), dice.choice(PHASES)) for n in range(200)]
    asked = [_try(storages[n % len(storages)], ids, *wish) for n, wish in enumerate(wishes)]
    taken = sum(await asyncio.gather(*asked))
    left = await sql.read(lambda: ledger.balance(M, ADA))
    assert 0 <= left.available == 10_000 - taken
    assert sum(amount for _, amount, _ in wishes) > 10_000, "they asked for more than there was"
    assert await _try(sql, ids, "more", left.available + 1, "single") == 0


Act = tuple[str, int]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["load", "pay", "hold", "post", "void"]), st.integers(1, 50)), max_size=25))
async def test_any_history_of_a_wallet_is_what_a_plain_sum_says(sql: Sql, history: list[Act]) -> None:
    """Against a model of two numbers: what is posted, and what each hold holds."""
    ids = Ids(lambda: 0.0)
    wallet, posted, held = f"wallet:{ids.new('cus')}", 0, dict[str, int]()
    for number, (act, amount) in enumerate(history):
        name = ids.new("chk")
        free = posted - sum(held.values())
        if act in ("post", "void") and held:
            name = list(held)[number % len(held)]
            kept = held.pop(name)
            posted -= kept if act == "post" else 0
            await sql.write(lambda name=name, act=act: getattr(ledger, act)(M, name, ids=ids, at=1))  # type: ignore[misc]
        elif act == "load":
            move = Move(kind="load", debit="stored_value", credit=wallet, amount=amount, unit="EUR")
            await sql.write(lambda name=name, move=move: ledger.enter(M, name, [move], ids=ids, at=1))  # type: ignore[misc]
            posted += amount
        elif act in ("pay", "hold"):
            move = Move(kind="tender", debit=wallet, credit="tender:wallet", amount=amount, unit="EUR")
            make = ledger.enter if act == "pay" else ledger.hold
            try:
                await sql.write(lambda name=name, move=move, make=make: make(M, name, [move], ids=ids, at=1))  # type: ignore[misc]
            except Insufficient:
                assert amount > free
                continue
            assert amount <= free
            if act == "pay":
                posted -= amount
            else:
                held[name] = amount
    left = await sql.read(lambda: ledger.balance(M, wallet))
    assert (left.posted, left.pending) == (posted, sum(held.values()))
