"""Whom a notification concerns, and its messages: none lost and none sent twice, whoever dies in between."""

import asyncio
from pathlib import Path

import pytest
from msgspec import convert
from msgspec.structs import replace

from poi_engine.campaigns.notice_rows import LEASE, TRIES, Delivery, Moment, Notice, gather
from poi_engine.clientele.consents import Proof
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.ports import Job
from poi_engine.push import Push, Subscription
from poi_engine.settings import NoticeRule
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.webpush import new_key, public_point, to_text
from poi_offers.holdout import held_out
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import All, Condition, InSegment, Not, Subtotal, Weekly, WeeklyWindow
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey

ALWAYS = All(of=())
SECOND = 1_000_000


async def offer(shop: Shop, conditions: Condition = ALWAYS, **more: object) -> Offer:
    made = Offer(
        offer_id="off_1",
        name={"en": "One off"},
        currency="EUR",
        effects=(AmountOff(amount=100),),
        conditions=conditions,
        **more,  # type: ignore[arg-type]
    )
    await shop.engine.offers.create(M, made)
    return made


async def listener(shop: Shop, name: str = "Ada", phones: int = 1, agrees: bool = True) -> str:
    """A customer whose phones listen."""
    customer_id = await shop.customer(name)
    await agree(shop, customer_id)
    for phone in range(phones):
        endpoint = f"https://push.example/{customer_id}/{phone}"
        keys = {"p256dh": to_text(public_point(new_key())), "auth": to_text(b"0123456789abcdef")}
        asked = convert({"endpoint": endpoint, "keys": keys}, Subscription)
        await Push(shop.sql, shop.clock).subscribe(M, customer_id, asked)
    if not agrees:
        await agree(shop, customer_id, given=False)
    return customer_id


async def agree(shop: Shop, customer_id: str, given: bool = True) -> None:
    proof = Proof(version=1, who=f"phone:{customer_id}", how="phone")
    await shop.engine.clientele.consents.give(M, customer_id, "push", given, proof)


async def begun(shop: Shop, key: str = "one", offer_id: str = "off_1") -> Notice:
    """A sending whose messages are written, as a server does it first."""
    notices = shop.engine.notices
    made = await notices.send(M, offer_id, key, by=SELLER)
    (notice,) = [one for one in await notices.open() if one.notice_id == made.notice_id]
    found = await notices.offer_of(notice)
    assert found is not None
    await notices.gather(notice, found)
    return notice


async def reached(shop: Shop, notice: Notice) -> set[str]:
    rows = await shop.rows("select customer_id from notice_phone where notice_id = ?", (notice.notice_id,))
    return {str(row["customer_id"]) for row in rows}


async def states(shop: Shop, notice: Notice) -> dict[str, int]:
    found = await shop.engine.notices.get(M, notice.notice_id)
    names = ("waiting", "sent", "failed", "gone", "withdrawn")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


def names(deliveries: list[Delivery]) -> list[str]:
    return sorted(one.subscription_id for one in deliveries)


# --- whom it concerns ----------------------------------------------------------------------------------------------


async def test_only_those_hear_of_it_who_may_have_it_and_agree(shop: Shop) -> None:
    """What the moment decides (the basket, the hour) rules nobody out."""
    near, barred, stranger = [await listener(shop, name) for name in ("Near", "Barred", "Stranger")]
    await listener(shop, "No", agrees=False)
    for customer_id, words in ((near, ("vip",)), (barred, ("vip", "staff"))):
        await shop.engine.customers.update(M, customer_id, segments=words)
    basket, night = Subtotal(min=10_000), Weekly(windows=(WeeklyWindow(days=(1,), start="03:00", end="03:01"),))
    await offer(shop, All(of=(InSegment(any_of=("vip",)), Not(of=InSegment(any_of=("staff",))), basket, night)))
    reach = await shop.engine.notices.reach(M, "off_1")
    assert (reach.audience, reach.customers, reach.no_consent) == (1, 1, 0)
    assert await reached(shop, await begun(shop)) == {near}
    assert stranger != near


async def test_a_campaigns_audience_is_who_is_in_its_segments_now(shop: Shop) -> None:
    ada, _ = [await listener(shop, name) for name in ("Ada", "Bob")]
    await shop.sell(1000, customer_id=ada)
    await shop.engine.segments.settle(M)
    await offer(shop, InSegment(any_of=("rfm:new",)))
    assert await reached(shop, await begun(shop)) == {ada}


async def test_who_is_held_out_hears_nothing(shop: Shop) -> None:
    people = [await listener(shop, f"Customer {n}") for n in range(30)]
    made = await offer(shop, holdout=5000)
    told = await reached(shop, await begun(shop))
    assert told == {one for one in people if not held_out(made, one)}
    assert 0 < len(told) < len(people)


async def test_who_has_used_the_offer_up_hears_nothing(shop: Shop) -> None:
    ada, bob = [await listener(shop, name) for name in ("Ada", "Bob")]
    await offer(shop, limits=(Limit(of="uses", cap=1, per="customer"),))
    await shop.sell(1000, customer_id=ada)
    reach = await shop.engine.notices.reach(M, "off_1")
    assert (reach.audience, reach.customers) == (1, 1)
    assert await reached(shop, await begun(shop)) == {bob}


async def test_all_phones_of_a_customer_are_told_once(shop: Shop) -> None:
    ada = await listener(shop, phones=2)
    await offer(shop)
    notice = await begun(shop)
    assert await states(shop, notice) == {"waiting": 2}
    reach = await shop.engine.notices.reach(M, "off_1")
    assert (reach.customers, reach.phones, reach.heard_lately) == (0, 0, 1)
    assert await reached(shop, notice) == {ada}


async def test_of_two_offers_at_once_a_customer_hears_of_one(shop: Shop) -> None:
    await listener(shop)
    first = await offer(shop)
    await shop.engine.offers.create(M, replace(first, offer_id="off_2"))
    both = await asyncio.gather(begun(shop, "one", "off_1"), begun(shop, "two", "off_2"))
    assert sorted([len(await reached(shop, one)) for one in both]) == [0, 1]
    shop.clock.forward(24 * 3600)
    with pytest.raises(Conflict, match="right now"):
        await shop.engine.notices.send(M, "off_1", "three", by=SELLER)


async def test_a_merged_customer_was_told_as_well(shop: Shop) -> None:
    ada, again = [await listener(shop, name) for name in ("Ada", "Ada again")]
    await offer(shop)
    notice = await begun(shop)
    await shop.engine.clientele.merges.merge(M, ada, again, key="merge", by=SELLER)
    assert await reached(shop, notice) == {ada}
    assert len(await shop.engine.notices.take(notice, 9)) == 2
    await shop.engine.customers.erase(M, ada, by=SELLER)
    assert await shop.rows("select 1 from notice_phone") == []


# --- the messages --------------------------------------------------------------------------------------------------


async def test_what_is_written_down_as_sent_is_not_taken_again(shop: Shop) -> None:
    for n in range(3):
        await listener(shop, f"Customer {n}")
    await offer(shop)
    notice, notices = await begun(shop), shop.engine.notices
    first = await notices.take(notice, 2)
    await notices.settle(notice, {one.subscription_id: "sent" for one in first})
    rest = await notices.take(notice, 9)
    await notices.settle(notice, {one.subscription_id: "sent" for one in rest})
    assert len({*names(first), *names(rest)}) == 3
    assert await notices.take(notice, 9) == []
    found = await notices.get(M, notice.notice_id)
    assert (found.state, found.sent) == ("done", 3)
    shop.clock.forward(9 * LEASE / SECOND)
    assert (await notices.open(), await notices.take(notice, 9)) == ([], [])


async def test_a_crash_loses_no_message(shop: Shop) -> None:
    """A process dies with two messages in its hands, one of them written down as sent: the next one has the other."""
    for n in range(4):
        await listener(shop, f"Customer {n}")
    await offer(shop)
    notice = await begun(shop)
    taken = names(await shop.engine.notices.take(notice, 2))
    await shop.engine.notices.settle(notice, {taken[0]: "sent"})
    await shop.restart()
    notices = shop.engine.notices
    (left,) = await notices.open()
    others = names(await notices.take(left, 9))
    assert len(others) == 2 and not set(others) & set(taken), "what somebody has in hand is not taken from them"
    await notices.settle(left, dict.fromkeys(others, "sent"))
    assert (await notices.take(left, 9), (await notices.get(M, left.notice_id)).state) == ([], "sending")
    shop.clock.forward(LEASE / SECOND)
    assert names(await notices.take(left, 9)) == taken[1:]


async def test_a_crash_while_it_is_gathered_is_gone_on_with(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [await listener(shop, f"Customer {n}") for n in range(5)]
    await offer(shop)
    monkeypatch.setattr("poi_engine.campaigns.notices._PAGE", 2)
    notices = shop.engine.notices
    made = await notices.send(M, "off_1", "one", by=SELLER)
    (notice,) = await notices.open()
    found = await notices.offer_of(notice)
    assert found is not None
    await shop.sql.write(lambda: _one_page(notice, tuple(sorted(people)[:2]), found))
    (again,) = await notices.open()
    assert (again.state, again.cursor) == ("gathering", sorted(people)[1])
    await asyncio.gather(*(engine.notices.gather(again, found) for engine in (shop.engine, shop.build())))
    assert (await states(shop, again), await reached(shop, again)) == ({"waiting": 5}, set(people))
    assert (await notices.get(M, made.notice_id)).state == "sending"


def _one_page(notice: Notice, ids: tuple[str, ...], told: Offer) -> Job[bool]:
    return gather(notice, ids, False, told, Moment(at=moment(0), zone="UTC", since=0), 1)


async def test_of_two_processes_none_takes_what_the_other_has(shop: Shop) -> None:
    await _taken_by_two(shop)


@pytest.mark.postgresql
async def test_of_two_processes_on_postgresql(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> None:
    sql = open_sql(postgres_url)
    shop = Shop(sql, sessions, tmp_path)
    try:
        await shop.setup()
        await _taken_by_two(shop)
    finally:
        await shop.engine.offers.close()
        await shop.close()
        await sql.close()


async def _taken_by_two(shop: Shop) -> None:
    for n in range(12):
        await listener(shop, f"Customer {n}")
    await offer(shop)
    notice = await begun(shop)
    engines = (shop.engine, shop.build(exclusive=False))
    took = await asyncio.gather(*(engine.notices.take(notice, 5) for engine in (*engines, *engines)))
    ids = [one for page in took for one in names(page)]
    assert len(ids) == len(set(ids)) >= 5
    await engines[1].offers.close()


async def test_a_word_taken_back_counts_at_once(shop: Shop) -> None:
    ada = await listener(shop)
    await offer(shop)
    notice = await begun(shop)
    await agree(shop, ada, given=False)
    assert await shop.engine.notices.take(notice, 9) == []
    assert await states(shop, notice) == {"withdrawn": 1}


async def test_an_offer_that_ends_is_told_of_no_more(shop: Shop) -> None:
    for n in range(2):
        await listener(shop, f"Customer {n}")
    await offer(shop)
    notice, notices = await begun(shop), shop.engine.notices
    (one,) = await notices.take(notice, 1)
    await shop.engine.offers.pause(M, "off_1")
    assert await notices.offer_of(notice) is None
    assert await states(shop, notice) == {"waiting": 1, "withdrawn": 1}
    await notices.settle(notice, {one.subscription_id: "sent"})
    assert await notices.offer_of(notice) is None
    assert await notices.open() == []
    with pytest.raises(NotFound):
        await notices.send(M, "off_1", "two", by=SELLER)


async def test_what_fails_is_tried_again_later_and_not_for_ever(shop: Shop) -> None:
    await listener(shop)
    await offer(shop)
    notice, notices = await begun(shop), shop.engine.notices
    for _ in range(TRIES):
        (one,) = await notices.take(notice, 9)
        await notices.settle(notice, {one.subscription_id: "again"})
        assert await notices.take(notice, 9) == [], "not at once"
        shop.clock.forward(TRIES * 61)
    assert await states(shop, notice) == {"failed": 1}
    assert await notices.open() == []
    await notices.change_rule(M, NoticeRule(hours=24), by=SELLER)
    assert (await notices.reach(M, "off_1")).heard_lately == 0, "who was not reached may be told of the next one"
