"""Customers: found by words, noted, asked for their consent, brought by friends, exported, forgotten."""

import asyncio
import json

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.clientele.consents import Proof, consented
from poi_engine.clientele.personal import HELD
from poi_engine.clientele.referral import mark_phone, phone_digest
from poi_engine.clientele.retention import YEAR
from poi_engine.clientele.search import ALLOWED, TooManySearches
from poi_engine.clientele.words import short_name, words_of
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.settings import ReferralProgramme, Retention
from poi_engine.storage.failures import ConstraintFailed
from poi_engine.storage.schema import metadata
from poi_offers.model import AmountOff, Cashback, InSegment
from tests.engine.shop import OTHER_STATION, SELLER, STATION, Card, M, Shop
from tests.engine.test_clientele_merge import MANAGER, merge, offer, worth

PARTNER = Principal(merchant_id=M, access_id="acc_app", role="partner", subject_id="par_1")


# --- finding -------------------------------------------------------------------------------------------------------


async def find(shop: Shop, q: str, by: Principal = SELLER) -> list[str]:
    """The names found."""
    return [one.display_name for one in (await shop.engine.clientele.search.find(M, q, by=by)).items]


@pytest.mark.parametrize(
    ("name", "words", "short"),
    [
        ("Zoé d'Été-Martin", ("zoe", "d", "ete", "martin"), "Zoé d."),
        ("  MÜLLER   ", ("muller",), "MÜLLER"),
        ("Łukasz 2", ("łukasz", "2"), "Łukasz 2."),
        ("山田 太郎", ("山田", "太郎"), "山田 太."),
        ("", (), ""),
    ],
)
def test_the_words_of_a_name(name: str, words: tuple[str, ...], short: str) -> None:
    assert words_of(name) == words
    assert short_name(name) == short


async def test_a_customer_is_found_by_the_beginnings_of_any_words(shop: Shop) -> None:
    for name in ("Zoé Martin", "Martine Dupont", "Jean-Marc Zola"):
        await shop.customer(name)
    assert await find(shop, "mart") == ["Martine Dupont", "Zoé Martin"]
    assert await find(shop, "MARC zol") == ["Jean-Marc Zola"]
    assert await find(shop, "zoe dup") == []


async def test_a_seller_gets_no_list_and_nothing_for_a_letter_or_two(shop: Shop) -> None:
    await shop.customer("Zoé Martin")
    for asker, q in ((SELLER, ""), (SELLER, "zo"), (SELLER, "z m"), (SELLER, "___"), (PARTNER, ""), (MANAGER, "z")):
        with pytest.raises(RequestError) as short:
            await find(shop, q, asker)
        assert (short.value.code, short.value.path) == ("search-too-short", "$.q")
    assert await find(shop, "zo", MANAGER) == ["Zoé Martin"]
    assert await find(shop, "", MANAGER) == ["Zoé Martin"], "the newest"


async def test_answers_are_bounded_and_say_that_there_are_more(shop: Shop) -> None:
    for number in range(12):
        await shop.customer(f"Martin {number}")
    found = await shop.engine.clientele.search.find(M, "martin", by=SELLER, limit=100)
    assert (len(found.items), found.more) == (10, True)
    found = await shop.engine.clientele.search.find(M, "martin", by=MANAGER, limit=100)
    assert (len(found.items), found.more) == (12, False)


async def test_searches_are_counted_by_credential_for_good_and_audited_without_the_words(shop: Shop) -> None:
    await shop.customer("Zoé Martin")
    for _ in range(ALLOWED["seller"].ten_minutes):
        await find(shop, "zoé")
    await shop.restart()
    with pytest.raises(TooManySearches) as often:
        await find(shop, "zoé")
    assert often.value.status == 429
    assert 0 < often.value.seconds <= 600
    assert await find(shop, "zoé", PARTNER) == ["Zoé Martin"], "another credential has its own count"
    shop.clock.forward(often.value.seconds)
    assert await find(shop, "zoé") == ["Zoé Martin"]
    audited = await shop.rows("select who, why from audit where act = 'search-customers'")
    assert {"who": "seller:sel_1", "why": "3 letters, 1 found"} in audited
    assert "zo" not in json.dumps(audited).lower()


async def test_the_day_has_a_limit_too(shop: Shop) -> None:
    for _ in range(ALLOWED["seller"].day):
        await find(shop, "zoé")
        shop.clock.forward(60)
    with pytest.raises(TooManySearches):
        await find(shop, "zoé")
    shop.clock.forward(86_400)
    assert await find(shop, "zoé") == []


async def test_a_renamed_customer_is_found_by_the_new_name_only(shop: Shop) -> None:
    ada = await shop.customer("Ada Byron")
    await shop.engine.customers.update(M, ada, display_name="Ada Lovelace")
    assert await find(shop, "byron") == []
    assert await find(shop, "lovel") == ["Ada Lovelace"]


async def test_a_merged_record_is_found_once_and_its_card_leads_to_who_lives_on(shop: Shop) -> None:
    ada, bo = await shop.customer("Ada Byron"), await shop.customer("Ada Byrne")
    await shop.engine.customers.link_credential(M, bo, "loyalty", "LOYAL-5")
    await merge(shop, ada, bo)
    for q in ("ada", "LOYAL-5", bo):
        found = await shop.engine.clientele.search.find(M, q, by=SELLER)
        assert [one.customer_id for one in found.items] == [ada], q


# --- notes ---------------------------------------------------------------------------------------------------------


async def test_notes_are_signed_bounded_and_erasable(shop: Shop) -> None:
    notes, ada = shop.engine.clientele.notes, await shop.customer()
    made = await notes.add(M, ada, "  Nuts: allergic  ", by=SELLER)
    assert (made.text, made.who) == ("Nuts: allergic", "seller:sel_1")
    for text, code in (("", "bad-note"), ("x" * 1001, "bad-note"), ("4111 1111 1111 1111", "card-number")):
        with pytest.raises(RequestError) as refused:
            await notes.add(M, ada, text, by=SELLER)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await notes.erase(M, ada, made.note_id, by=PARTNER, own=True)
    await notes.erase(M, ada, made.note_id, by=MANAGER)
    assert "allergic" not in str(await shop.rows("select * from audit"))
    for number in range(50):
        await notes.add(M, ada, f"note {number}", by=SELLER)
    with pytest.raises(Conflict) as full:
        await notes.add(M, ada, "one more", by=SELLER)
    assert full.value.code == "too-many-notes"


# --- consents ------------------------------------------------------------------------------------------------------


def said(version: int = 1) -> Proof:
    """A word taken at the counter."""
    return Proof(version=version, who="seller:sel_1", place=STATION, how="spoken")


async def agrees(shop: Shop, customer_id: str) -> bool:
    """Whether the customer agrees to marketing."""
    return await shop.sql.read(lambda: consented(M, customer_id, "marketing"))


async def test_a_consent_is_kept_with_its_proof_and_the_last_word_counts(shop: Shop) -> None:
    consents, ada = shop.engine.clientele.consents, await shop.customer()
    assert not await agrees(shop, ada), "silence is no consent"
    await consents.give(M, ada, "marketing", True, said())
    await consents.give(M, ada, "marketing", True, said())
    assert await agrees(shop, ada)
    shop.clock.forward(60)
    [state] = [one for one in await consents.give(M, ada, "marketing", False, said()) if one.purpose == "marketing"]
    assert not await agrees(shop, ada)
    assert [(word.given, word.version, word.who, word.place, word.how) for word in state.history] == [
        (False, 1, "seller:sel_1", STATION, "spoken"),
        (True, 1, "seller:sel_1", STATION, "spoken"),
    ]


async def test_an_agreement_is_to_the_text_of_today_and_old_ones_stand(shop: Shop) -> None:
    consents, ada, bo = shop.engine.clientele.consents, await shop.customer(), await shop.customer("Bo")
    await consents.give(M, ada, "marketing", True, said())
    written = await consents.write_text(M, "marketing", {"fr": "Nos nouveautés ?"}, by=MANAGER)
    assert written.version == 2
    with pytest.raises(Conflict) as changed:
        await consents.give(M, bo, "marketing", True, said(1))
    assert changed.value.code == "text-changed"
    await consents.give(M, bo, "marketing", True, said(2))
    assert await agrees(shop, ada)
    await consents.give(M, ada, "marketing", False, said(1))
    assert not await agrees(shop, ada), "no is no, whichever text was shown"


async def test_words_cannot_be_changed_afterwards(shop: Shop) -> None:
    await shop.engine.clientele.consents.give(M, await shop.customer(), "push", True, said())

    def forge() -> Job[None]:
        yield Query("update consent set given = 0")

    with pytest.raises(ConstraintFailed):
        await shop.sql.write(forge)


async def test_after_a_merge_the_persons_last_word_counts(shop: Shop) -> None:
    consents, ada, bo = shop.engine.clientele.consents, await shop.customer(), await shop.customer("Bo")
    await consents.give(M, ada, "marketing", True, said())
    shop.clock.forward(60)
    await consents.give(M, bo, "marketing", False, said())
    await merge(shop, ada, bo)
    assert not await agrees(shop, ada)
    assert not await agrees(shop, bo)


# --- friends -------------------------------------------------------------------------------------------------------


async def programme(shop: Shop, **changes: int) -> None:
    """Two euros for the friend, three for who sent them."""
    for offer_id, amount in (("off_friend", 200), ("off_thanks", 300)):
        await offer(shop, offer_id, AmountOff(amount=amount), conditions=InSegment(any_of=(f"coupon:{offer_id}",)))
    rule = ReferralProgramme(open=True, friend_offer_id="off_friend", referrer_offer_id="off_thanks", **changes)
    await shop.engine.clientele.referrals.change(M, rule, by=MANAGER)


async def code_of(shop: Shop, customer_id: str) -> str:
    """The customer's code."""
    return (await shop.engine.clientele.referrals.of(M, customer_id)).code


async def coupons(shop: Shop, customer_id: str) -> list[object]:
    """The offers that the customer has a good coupon for."""
    rows = await shop.rows(
        "select offer_id from coupon where customer_id = ? and used_at is null and voided_at is null", (customer_id,)
    )
    return [row["offer_id"] for row in rows]


async def test_both_are_rewarded_with_the_friends_first_sale_and_once(shop: Shop) -> None:
    await programme(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    code = await code_of(shop, ada)
    assert await code_of(shop, ada) == code
    await shop.engine.clientele.referrals.give(M, bo, code.upper(), by=SELLER)
    assert await coupons(shop, ada) == await coupons(shop, bo) == [], "not before the sale"
    first = await shop.sell(1000, customer_id=bo)
    assert (await coupons(shop, ada), await coupons(shop, bo)) == (["off_thanks"], ["off_friend"])
    second = await shop.sell(1000, customer_id=bo)
    assert second.decision is not None
    assert second.decision.saved == 200
    assert (await coupons(shop, ada), await coupons(shop, bo)) == (["off_thanks"], [])
    assert (await shop.engine.clientele.referrals.of(M, ada)).rewards == 1
    assert first.sale_id


async def test_a_first_sale_brought_back_takes_the_rewards_with_it(shop: Shop) -> None:
    await programme(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    await shop.engine.clientele.referrals.give(M, bo, await code_of(shop, ada), by=SELLER)
    sold = await shop.sell(1000, customer_id=bo)
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key="r", by=SELLER)
    assert await coupons(shop, ada) == await coupons(shop, bo) == []


async def refused(shop: Shop, customer_id: str, code: str) -> str:
    """Why the code is refused."""
    with pytest.raises(RequestError) as error:
        await shop.engine.clientele.referrals.give(M, customer_id, code, by=SELLER)
    return error.value.code


async def test_a_code_is_given_once_before_the_first_sale_and_not_by_oneself(shop: Shop) -> None:
    ada, bo, cy = [await shop.customer(name) for name in ("Ada", "Bo", "Cy")]
    assert await refused(shop, bo, "abcdefgh") == "no-referrals"
    await programme(shop)
    code = await code_of(shop, ada)
    assert await refused(shop, bo, "abcdefgh") == "not-found"
    assert await refused(shop, ada, code) == "referred-oneself"
    await shop.engine.clientele.referrals.give(M, bo, code, by=SELLER)
    assert await refused(shop, bo, code) == "referred-before"
    await shop.sell(500, customer_id=cy)
    assert await refused(shop, cy, code) == "not-new"


async def test_the_same_phone_or_card_is_not_a_friend(shop: Shop) -> None:
    await programme(shop)
    ada, bo, cy = [await shop.customer(name) for name in ("Ada", "Bo", "Cy")]
    code = await code_of(shop, ada)
    for customer in (ada, bo):
        await shop.sql.write(lambda customer=customer: _mark(customer))  # type: ignore[misc]
    assert await refused(shop, bo, code) == "referred-oneself", "Ada's phone"
    await shop.engine.customers.link_credential(M, cy, "loyalty", "LOYAL-3")
    await shop.engine.clientele.referrals.give(M, cy, code, by=SELLER)
    await shop.engine.customers.erase(M, cy, by=MANAGER)
    again = (await shop.engine.customers.by_credential(M, "loyalty", "LOYAL-3", create=True)).customer_id  # type: ignore[union-attr]
    assert await refused(shop, again, code) == "referred-oneself", "the card of a friend who came before"


def _mark(customer_id: str) -> Job[None]:
    yield mark_phone(M, phone_digest("cookie"), customer_id, 1)


async def test_a_code_brings_no_more_friends_than_the_programme_rewards(shop: Shop) -> None:
    await programme(shop, most=1)
    ada, bo, cy, di = [await shop.customer(name) for name in ("Ada", "Bo", "Cy", "Di")]
    code = await code_of(shop, ada)
    for friend in (bo, cy):
        await shop.engine.clientele.referrals.give(M, friend, code, by=SELLER)
    here = await shop.accept(await shop.identify(await shop.basket(1000), bo))
    there = await shop.accept(await shop.identify(await shop.basket(1000, station=OTHER_STATION), cy))
    await asyncio.gather(shop.pay(here), shop.pay(there))
    assert await coupons(shop, ada) == ["off_thanks"], "two friends at once, one reward"
    assert await coupons(shop, bo) == await coupons(shop, cy) == ["off_friend"]
    assert await refused(shop, di, code) == "referral-limit"


async def test_a_programme_names_offers_that_exist(shop: Shop) -> None:
    with pytest.raises(RequestError) as unknown:
        rule = ReferralProgramme(open=True, friend_offer_id="off_nowhere")
        await shop.engine.clientele.referrals.change(M, rule, by=MANAGER)
    assert (unknown.value.code, unknown.value.path) == ("unknown-offer", "$.friend_offer_id")


# --- what is known, told, and forgotten ----------------------------------------------------------------------------


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


# --- how long ------------------------------------------------------------------------------------------------------


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
