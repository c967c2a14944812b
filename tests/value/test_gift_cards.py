"""Gift cards: whoever has the code has the value, nobody has more of it than was loaded, and a slip is told."""

import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.value.cards import Moved
from poi_engine.value.gift_cards import hash_of, letters_of, new_code
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
MONTH_SECONDS = 2_629_746


async def load(shop: Shop, code: str, amount: int, key: str | None = None) -> Moved:
    return await shop.engine.gift_cards.load(M, code, amount, key=key or shop.key(), by=SELLER)


@given(st.integers(0, 15), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_one_wrong_letter_is_told_from_an_unknown_card(place: int, letter: str) -> None:
    letters = letters_of(new_code(Ids(lambda: 0.0)))
    wrong = letters[:place] + letter + letters[place + 1 :]
    if wrong == letters:
        return
    with pytest.raises(RequestError) as refused:
        letters_of(wrong)
    assert refused.value.code == "gift-card-code"


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_code_or_refused(text: str) -> None:
    try:
        assert len(letters_of(text)) == 16
    except RequestError as error:
        assert error.code == "gift-card-code"


async def test_the_code_is_nowhere_in_the_storage(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await load(shop, card.code, 500)
    letters = letters_of(card.code)
    (row,) = await shop.rows("select code_hash, tail from gift_card")
    assert row == {"code_hash": hash_of(letters), "tail": letters[-4:]}
    assert row["code_hash"] != hashlib.sha256(letters.encode()).digest(), "the hash is of this use alone"
    for table in ("audit", "idempotency", "transfer", "outbox"):
        rows = await shop.rows(f"select * from {table}")
        assert letters not in str(rows)
        assert card.code not in str(rows)


async def test_a_load_is_once_a_key_and_can_be_undone_once(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    first = await load(shop, card.code, 500, "one")
    assert await load(shop, card.code, 500, "one") == first
    with pytest.raises(Conflict) as other:
        await load(shop, card.code, 501, "one")
    assert other.value.code == "idempotency-mismatch"
    undone = await shop.engine.gift_cards.reverse(M, first.operation_id, key="back", by=SELLER)
    assert (undone.amount, undone.balance) == (-500, 0)
    assert await shop.engine.gift_cards.reverse(M, first.operation_id, key="back", by=SELLER) == undone
    with pytest.raises(Conflict) as twice:
        await shop.engine.gift_cards.reverse(M, first.operation_id, key="again", by=SELLER)
    assert twice.value.code == "already-reversed"


async def test_what_is_spent_cannot_be_undone(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    loaded = await load(shop, card.code, 500)
    await shop.engine.gift_cards.unload(M, card.code, 1, key="out", by=SELLER)
    with pytest.raises(Conflict) as refused:
        await shop.engine.gift_cards.reverse(M, loaded.operation_id, key="back", by=SELLER)
    assert refused.value.code == "value-spent"


async def test_two_tills_cannot_unload_the_same_money(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await load(shop, card.code, 500)

    async def unload(number: int) -> bool:
        try:
            await shop.engine.gift_cards.unload(M, card.code, 300, key=f"out-{number}", by=SELLER)
        except Conflict as error:
            assert error.code == "value-spent"
            return False
        return True

    assert sum(await asyncio.gather(*(unload(number) for number in range(5)))) == 1
    assert await shop.balance(f"gift_card:{card.card_id}") == 200


async def test_a_closed_card_is_paid_back_and_takes_no_more(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await load(shop, card.code, 500)
    closed = await shop.engine.gift_cards.close(M, card.card_id, "cash", "lost", key="close", by=SELLER)
    assert (closed.amount, closed.balance) == (-500, 0)
    with pytest.raises(Conflict) as refused:
        await load(shop, card.code, 100)
    assert refused.value.code == "gift-card-closed"


async def test_what_is_on_a_card_lapses_when_its_time_is_over(shop: Shop) -> None:
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await load(shop, card.code, 500)
    shop.clock.forward(24 * MONTH_SECONDS - 60)
    assert await shop.engine.expiry.run(M) == 0
    shop.clock.forward(120)
    with pytest.raises(Conflict) as refused:
        await shop.engine.gift_cards.look(M, card.code)
    assert refused.value.code == "gift-card-expired"
    assert await shop.engine.expiry.run(M) == 1
    assert (await shop.engine.gift_cards.get(M, card.card_id)).balance == 0
    assert await shop.engine.expiry.run(M) == 0


async def test_what_is_refunded_to_a_card_whose_time_is_over_lives_again(shop: Shop) -> None:
    """As long as a new load would; it would lapse the same night otherwise."""
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await load(shop, card.code, 500)
    bought = await shop.accept(await shop.basket(500))
    sold = await shop.engine.checkout.pay(
        M, bought.session_id, "gift_card", gift_card=card.code, key=shop.key(), by=SELLER
    )
    shop.clock.forward(24 * MONTH_SECONDS + 60)
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "stale", key=shop.key(), by=SELLER)
    assert await shop.engine.expiry.run(M) == 0
    found = await shop.engine.gift_cards.look(M, card.code)
    assert found.balance == 500
    assert found.expires_at is not None
    shop.clock.forward(24 * MONTH_SECONDS + 60)
    assert await shop.engine.expiry.run(M) == 1


async def test_an_unknown_code_is_not_found_and_not_repeated(shop: Shop) -> None:
    code = new_code(shop.ids)
    with pytest.raises(NotFound) as refused:
        await shop.engine.gift_cards.look(M, code)
    assert code not in refused.value.message
    assert letters_of(code) not in refused.value.message


async def test_what_reaches_a_closed_card_later_is_paid_back_by_closing_it_again(shop: Shop) -> None:
    """A part that was held while it was closed, and a refund of what it paid."""
    card = await shop.engine.gift_cards.issue(M, by=SELLER)
    await load(shop, card.code, 500)
    bought = await shop.accept(await shop.basket(100))
    sold = await shop.engine.checkout.pay(
        M, bought.session_id, "gift_card", gift_card=card.code, key=shop.key(), by=SELLER
    )
    held = await shop.accept(await shop.basket(300))
    await shop.engine.checkout.pay(M, held.session_id, "gift_card", 200, gift_card=card.code, key=shop.key(), by=SELLER)
    assert (await shop.engine.gift_cards.close(M, card.card_id, "cash", "lost", key="1", by=SELLER)).amount == -200
    await shop.engine.stations.abandon(M, held.session_id, by=SELLER)
    assert (await shop.engine.gift_cards.close(M, card.card_id, "cash", "lost", key="2", by=SELLER)).amount == -200
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "stale", key=shop.key(), by=SELLER)
    assert (await shop.engine.gift_cards.close(M, card.card_id, "cash", "lost", key="3", by=SELLER)).amount == -100
    with pytest.raises(Conflict) as refused:
        await shop.engine.gift_cards.close(M, card.card_id, "cash", "lost", key="4", by=SELLER)
    assert refused.value.code == "gift-card-closed"
    assert await shop.balance(f"gift_card:{card.card_id}") == 0
