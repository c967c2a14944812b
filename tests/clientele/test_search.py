"""Finding customers by the words of their name: bounded, counted, audited."""

import json

import pytest

from poi_engine.clientele.search import ALLOWED, TooManySearches
from poi_engine.clientele.words import short_name, words_of
from poi_engine.errors import RequestError
from poi_engine.principal import Principal
from tests.clientele.test_merge import MANAGER, merge
from tests.engine.shop import SELLER, M, Shop

PARTNER = Principal(merchant_id=M, access_id="acc_app", role="partner", subject_id="par_1")


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
