"""What was accepted and paid while Redis was away is shown as it ended, once Redis is back with an older copy."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, StorageError
from poi_engine.session import Session
from tests.engine.shop import STATION, M, Shop
from tests.engine.test_payment_races import away

pytestmark = pytest.mark.valkey
APPROVED, DECLINED, DECLINED_UNHEARD = 1000, 1005, 1014
ENDS = pytest.mark.parametrize(("amount", "state"), [(APPROVED, "paid"), (DECLINED, "declined")])


@contextmanager
def without_redis(shop: Shop) -> Iterator[None]:
    """Nothing is stored there, and nothing found."""
    with ExitStack() as stack:
        for name in ("load", "save", "at_station"):
            stack.enter_context(away(shop, name))
        yield


async def accepted_without_redis(shop: Shop, session: Session) -> Session:
    """Reserved, but not stored; the till repeats it, and hears what SQL has."""
    with away(shop, "save"), pytest.raises(StorageError):
        await shop.accept(session)
    with without_redis(shop):
        return await shop.accept(session)


@ENDS
async def test_the_station_shows_how_it_ended(shop: Shop, amount: int, state: str) -> None:
    accepted = await accepted_without_redis(shop, await shop.basket(amount))
    with without_redis(shop):
        assert (await shop.pay(accepted)).state == state
    shown = await shop.engine.stations.current(M, STATION)
    assert shown is not None
    assert (shown.session_id, shown.state) == (accepted.session_id, state)
    await ends_in_one_sale(shop, shown)


@ENDS
async def test_a_payment_after_redis_is_back_answers_how_it_ended(shop: Shop, amount: int, state: str) -> None:
    accepted = await accepted_without_redis(shop, await shop.basket(amount))
    answered = await shop.pay(accepted)
    assert answered.state == state
    shown = await shop.engine.stations.get(M, accepted.session_id)
    assert (shown.state, shown.tenders) == (state, answered.tenders)
    await ends_in_one_sale(shop, shown)


@ENDS
async def test_another_process_finds_out_when_the_old_copy_is_accepted(shop: Shop, amount: int, state: str) -> None:
    accepted = await accepted_without_redis(shop, await shop.basket(amount))
    with without_redis(shop):
        await shop.pay(accepted)
    shop.engine = shop.build()
    stale = await shop.engine.stations.get(M, accepted.session_id)
    assert stale.state == "decided"
    with pytest.raises(Conflict) as refused:
        await shop.accept(stale)
    assert refused.value.code == "already-accepted"
    shown = await shop.engine.stations.get(M, accepted.session_id)
    assert shown.state == state
    await ends_in_one_sale(shop, shown)


async def test_a_basket_that_was_changed_though_it_is_paid_is_the_paid_one_again(shop: Shop) -> None:
    accepted = await accepted_without_redis(shop, await shop.basket(APPROVED))
    with without_redis(shop):
        paid = await shop.pay(accepted)
    shop.engine = shop.build()
    changed = await shop.engine.stations.set_basket(M, accepted.session_id, [BasketEntry(amount=99)])
    with pytest.raises(Conflict):
        await shop.accept(changed)
    shown = await shop.engine.stations.get(M, accepted.session_id)
    assert (shown.sale_id, shown.basket, shown.revision) == (paid.sale_id, paid.basket, changed.revision + 1)


async def test_what_was_in_doubt_and_was_accepted_anew_can_be_paid(shop: Shop) -> None:
    unknown = await shop.pay(await shop.accept(await shop.basket(DECLINED_UNHEARD)))
    assert unknown.state == "unknown"
    with without_redis(shop):
        declined = await shop.engine.checkout.ask_status(M, unknown.session_id)
    again = await accepted_without_redis(shop, declined)
    shown = await shop.engine.stations.get(M, unknown.session_id)
    assert (shown.state, shown.checkout_id) == ("paying", again.checkout_id)
    assert (await shop.pay(shown, "cash")).state == "paid"


async def ends_in_one_sale(shop: Shop, shown: Session) -> None:
    """A declined one is paid in cash; then there is one sale, and the station is free."""
    if shown.state == "declined":
        shown = await shop.pay(await shop.accept(shown), "cash")
    assert shown.state == "paid"
    assert [row["sale_id"] for row in await shop.rows("select sale_id from sale")] == [shown.sale_id]
    assert (await shop.engine.stations.open(M, STATION)).session_id != shown.session_id
