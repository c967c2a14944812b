"""What is known of a person, told to them, and forgotten."""

import json

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.clientele.personal import HELD
from poi_engine.clientele.retention import YEAR
from poi_engine.errors import NotFound
from poi_engine.principal import Principal
from poi_engine.settings import Retention
from poi_engine.storage.schema import metadata
from poi_offers.offer_effects import Cashback
from tests.clientele.test_consents import agrees, said
from tests.clientele.test_merge import MANAGER, merge, offer, worth
from tests.engine.shop import SELLER, STATION, Card, M, Shop

PARTNER = Principal(merchant_id=M, access_id="acc_app", role="partner", subject_id="par_1")


async def regular(shop: Shop) -> str:
    """A customer of whom everything is on file."""
    await offer(shop, "off_cash", Cashback(amount=300))
    ada = await shop.customer("Ada Byron")
    await shop.engine.customers.link_credential(M, ada, "loyalty", "LOYAL-777")
    await shop.engine.clientele.notes.add(M, ada, "Likes the window seat", by=SELLER)
    await shop.engine.clientele.consents.give(M, ada, "marketing", True, said())
    for codes in (("eclair", "cafe"), ("eclair",)):
        entries = [BasketEntry(code=code, quantity=1000) for code in codes]
        session = await shop.engine.stations.open(M, STATION, entries)
        await shop.pay(await shop.accept(await shop.identify(session, ada)))
        shop.clock.forward(60)
    return ada


async def test_the_profile_tells_habits_favourites_and_history(shop: Shop) -> None:
    ada = await regular(shop)
    profile = await shop.engine.clientele.profiles.of(M, ada, by=MANAGER)
    assert profile.customer.display_name == "Ada Byron"
    assert [(one.code, one.sales, one.quantity) for one in profile.favourites] == [
        ("eclair", 2, 2000),
        ("cafe", 1, 1000),
    ]
    assert (profile.usual_hour, profile.usual_weekday) == (14, 7)
    assert [(month.month, month.sales, month.total) for month in profile.months] == [("2026-11", 2, 920)]
    assert (profile.average, len(profile.sales), profile.cards[0].ending) == (460, 2, "-777")
    assert [note.text for note in profile.notes] == ["Likes the window seat"]
    assert profile.next_tier is not None
    assert profile.next_tier.missing == 30_000 - 920
    viewed = await shop.rows("select who, subject_id from audit where act = 'view-customer'")
    assert viewed == [{"who": "seller:slr_9", "subject_id": ada}]


async def test_an_export_holds_everything_in_words_and_figures(shop: Shop) -> None:
    ada = await regular(shop)
    told = await shop.engine.clientele.exports.of(M, ada, by=MANAGER)
    assert json.loads(json.dumps(told)) == told, "plain JSON"
    assert told["identity"]["name"] == "Ada Byron"
    assert told["balances"]["stored_value"] == "6.00 EUR"
    assert [line["label"] for line in told["purchases"][0]["lines"]] == ["Éclair", "Café"]
    assert told["purchases"][0]["lines"][0] == {"label": "Éclair", "quantity": "1 piece", "total": "3.50 EUR"}
    assert told["notes"][0]["body"] == "Likes the window seat"
    assert told["cards_and_codes"][0]["subject"] == "LOYAL-777"
    [marketing] = [one for one in told["consents"] if one["purpose"] == "marketing"]
    assert marketing["history"][0]["taken_by"] == "seller:sel_1"
    acts = [
        one["act"]
        for one in (await shop.engine.clientele.exports.of(M, ada, by=MANAGER))["acts_of_the_staff_about_you"]
    ]
    assert "export-customer" in acts


async def test_an_erased_person_is_nowhere_but_in_the_books_as_a_pseudonym(shop: Shop) -> None:
    """The fixture verifies every chain and balance afterwards."""
    ada, bo = await regular(shop), await shop.customer("Bo Byron")
    await merge(shop, ada, bo)
    await shop.engine.customers.erase(M, ada, by=MANAGER)
    assert await worth(shop, ada, bo) == (0, 0)
    assert not await agrees(shop, ada)
    for known_as in (ada, bo):
        with pytest.raises(NotFound):
            await shop.engine.clientele.profiles.of(M, known_as, by=MANAGER)
        with pytest.raises(NotFound):
            await shop.engine.clientele.exports.of(M, known_as, by=MANAGER)
    for table in metadata.tables:
        kept = str(await shop.rows(f"select * from {table}"))
        for trace in ("Ada", "Byron", "byron", "window seat", "LOYAL-777"):
            assert trace not in kept, (table, trace)
    assert len(await shop.rows("select consent_id from consent")) == 1, "the proof stays"
    [audited] = await shop.rows("select why from audit where act = 'erase-customer'")
    assert audited["why"] == "lapsed: points 8, wallet 600"


async def test_what_a_payment_under_way_gives_an_erased_customer_lapses(shop: Shop) -> None:
    ada = await shop.customer()
    accepted = await shop.accept(await shop.identify(await shop.basket(1000), ada))
    await shop.engine.customers.erase(M, ada, by=MANAGER)
    assert (await shop.pay(accepted)).state == "paid"
    assert await worth(shop, ada) == (0, 0)


async def test_a_refund_to_somebody_erased_leaves_no_debt(shop: Shop) -> None:
    ada = await shop.customer()
    sold = await shop.sell(1000, customer_id=ada)
    await shop.engine.customers.erase(M, ada, by=MANAGER)
    back = await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key="r", by=SELLER)
    assert back.total == -1000
    assert await worth(shop, ada) == (0, 0)
    assert await shop.balance(f"points_owed:{ada}") == 0


def test_every_table_that_names_a_customer_is_accounted_for() -> None:
    """A new table must say what an export, an erasure and a merge do to it."""
    naming = {name for name, table in metadata.tables.items() if "customer_id" in table.columns}
    assert {held.table for held in HELD} >= naming
    for held in HELD:
        columns = metadata.tables[held.table].columns
        assert {held.column, *held.columns} <= set(columns.keys()), held.table
        assert held.why or held.erased == "delete", held.table


async def test_who_has_not_come_for_three_years_is_erased(shop: Shop) -> None:
    gone, back, spoke = [await shop.customer(name) for name in ("Gone", "Back", "Spoke")]
    await shop.sell(1000, customer_id=gone)
    shop.clock.forward(3 * YEAR / 1e6 - 3600)
    await shop.sell(1000, customer_id=back)
    await shop.engine.clientele.consents.give(M, spoke, "marketing", True, said())
    retention = shop.engine.clientele.retention
    assert (await retention.run(M, dry_run=True)).due == 0
    shop.clock.forward(7200)
    tried = await retention.run(M, dry_run=True)
    assert [(one.customer_id, one.points, one.last_act) for one in tried.items] == [(gone, 10, "2026-11-22")]
    assert (await shop.engine.customers.get(M, gone)).display_name == "Gone", "a dry run does nothing"
    done = await retention.run(M, dry_run=False)
    assert (done.due, done.done, done.skipped) == (1, 1, 0)
    with pytest.raises(NotFound):
        await shop.engine.customers.get(M, gone)
    assert (await shop.engine.customers.get(M, back)).display_name == "Back"
    assert (await shop.engine.customers.get(M, spoke)).display_name == "Spoke"
    assert (await retention.run(M, dry_run=False)).due == 0


async def test_a_merchant_may_keep_the_card_without_the_person(shop: Shop) -> None:
    retention, ada = shop.engine.clientele.retention, await shop.customer("Ada")
    await shop.engine.customers.link_credential(M, ada, "loyalty", "LOYAL-1")
    await shop.engine.clientele.consents.give(M, ada, "marketing", True, said())
    await shop.sell(1000, customer_id=ada)
    await retention.change(M, Retention(years=1, action="pseudonymise"), by=MANAGER)
    shop.clock.forward(1.1 * YEAR / 1e6)
    assert (await retention.run(M, dry_run=False)).done == 1
    assert (await retention.run(M, dry_run=False)).due == 0, "a pseudonym is left alone"
    session = await shop.engine.stations.present(M, STATION, Card("loyalty", "LOYAL-1"))
    assert session.identity is not None
    assert (session.identity.customer_id, session.identity.pseudonym) == (ada, True)
    assert (await worth(shop, ada)) == (10, 0)
    assert not await agrees(shop, ada)


async def test_the_server_looks_once_a_day(shop: Shop) -> None:
    retention = shop.engine.clientele.retention
    await retention.round()
    ada = await shop.customer()
    shop.clock.forward(4 * YEAR / 1e6)
    await retention.round()
    with pytest.raises(NotFound):
        await shop.engine.customers.get(M, ada)
    bo = await shop.customer("Bo")
    shop.clock.forward(3600)
    await retention.round()
    assert (await shop.engine.customers.get(M, bo)).display_name == "Bo"
