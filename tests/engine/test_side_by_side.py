"""What transactions read before they write stays so until they have written: on PostgreSQL they run side by side.

Each dwells after every statement, and the second starts a little later in every round: the other is always in between.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Iterable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from poi_engine.access import Access
from poi_engine.clientele.consents import Consents
from poi_engine.clientele.notes import Notes
from poi_engine.errors import PoiError
from poi_engine.goods.file_reader import Row
from poi_engine.goods.file_rows import write_rows
from poi_engine.goods.pictures import MAX_PICTURES
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.storage.redis import RedisSessions
from poi_offers.model import Offer
from poi_offers.offer_effects import PercentOff
from tests.campaigns.writing import draft
from tests.engine.dwelling import DwellingSql
from tests.engine.shop import SELLER, M, Shop, processes_of

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]
ROUNDS = 8
STEP = 0.008
OWNER = Principal(merchant_id=M, access_id="acc_owner", role="owner", subject_id="own_1")
_WRITTEN_OF_THE_ERASED = """
select 'note' as left_over from customer_note x join customer c on c.customer_id = x.customer_id and erased_at > 0
union all
select 'card' from credential x join customer c on c.customer_id = x.customer_id and erased_at > 0
"""


@pytest.fixture
async def shop(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A server on PostgreSQL."""
    async with processes_of([DwellingSql(postgres_url, 0.003)], sessions, tmp_path) as [made]:
        yield made


async def test_nothing_is_written_of_somebody_who_is_being_erased(shop: Shop) -> None:
    customers, notes = shop.engine.customers, Notes(shop.sql, shop.clock, shop.ids)
    for number in range(ROUNDS):
        ada = await shop.customer("Ada")
        ended = await asyncio.gather(
            customers.erase(M, ada, by=SELLER),
            late(number, notes.add(M, ada, "likes lemon", by=SELLER)),
            late(number, customers.link_credential(M, ada, "loyalty", f"CARD-{number}", by=SELLER)),
            return_exceptions=True,
        )
        assert codes(ended) <= {"not-found"}
    assert await shop.rows(_WRITTEN_OF_THE_ERASED) == []


async def test_of_two_last_owners_one_stays(shop: Shop) -> None:
    access = Access(shop.sql, shop.clock, shop.ids, exclusive=False)
    stays = (await access.grant(M, "owner", "own_1", "one", by=OWNER)).access_id
    for _ in range(ROUNDS):
        other = (await access.grant(M, "owner", "own_1", "other", by=OWNER)).access_id
        ended = await asyncio.gather(
            *(access.revoke(M, one, by=OWNER) for one in (stays, other)), return_exceptions=True
        )
        assert codes(ended) == {"last-owner"}
        stays = stays if ended[0] is not None else other


async def test_a_file_keeps_what_another_change_writes_meanwhile(shop: Shop) -> None:
    lines = (MovedLine(code="tarte", quantity=1000),)
    for number in range(ROUNDS):
        await shop.sql.write(_untracked)
        row = Row(line=2, values={"code": "tarte", "label": f"Tart {number}"}, mistakes=(), position=0, next_line=3)
        received = NewMovement(kind="received", place="sto_1", lines=lines)
        writing = partial(write_rows, M, [row], "owner", ids=shop.ids, at=shop.engine.wiring.at())
        await asyncio.gather(
            shop.engine.stock.move(M, received, key=shop.ids.new("key"), by=SELLER),
            late(number, shop.sql.write(writing)),
        )
        found = await shop.rows("select label, tracked from product where code = 'tarte'")
        assert found == [{"label": f"Tart {number}", "tracked": 1}]


async def test_a_campaign_starts_with_the_draft_that_it_has(shop: Shop) -> None:
    book, offers = shop.engine.campaigns, shop.engine.offers
    for _ in range(ROUNDS):
        made = await book.create(M, draft(PercentOff(percent=1000)), by=SELLER)
        ended = await asyncio.gather(
            book.start(M, made.campaign_id, by=SELLER),
            book.change(M, made.campaign_id, draft(PercentOff(percent=2000)), by=SELLER),
            return_exceptions=True,
        )
        assert codes(ended) <= {"campaign-moved-on", "campaign-not-a-draft"}
        now = await book.get(M, made.campaign_id)
        made_offers = now.offer_ids if now.state == "live" else ()
        for offer_id, meant in zip(made_offers, now.draft.offers, strict=False):
            assert (await offers.get(M, offer_id)).offer.effects == meant.effects


async def test_texts_of_consent_written_at_once_are_versions_one_after_the_other(shop: Shop) -> None:
    consents = Consents(shop.sql, shop.clock, shop.ids)
    made = await asyncio.gather(
        *(consents.write_text(M, "marketing", {"en": f"News {number}?"}, by=OWNER) for number in range(4))
    )
    assert sorted(text.version for text in made) == [2, 3, 4, 5]


async def test_pictures_added_at_once_stay_as_many_as_a_product_has(shop: Shop) -> None:
    ended = await asyncio.gather(
        *(shop.engine.pictures.add(M, "tarte", picture(number)) for number in range(MAX_PICTURES + 2)),
        return_exceptions=True,
    )
    assert codes(ended) == {"too-many-pictures"}
    found = await shop.rows("select position from product_picture where code = 'tarte' order by position")
    assert [row["position"] for row in found] == list(range(MAX_PICTURES))


async def test_of_two_sendings_of_an_offer_at_once_one_begins(shop: Shop) -> None:
    for number in range(ROUNDS):
        offer_id = f"off_{number}"
        tenth = Offer(offer_id=offer_id, name={"en": "A tenth"}, currency="EUR", effects=(PercentOff(percent=1000),))
        await shop.engine.offers.create(M, tenth)
        ended = await asyncio.gather(
            *(shop.engine.notices.send(M, offer_id, f"key-{number}-{one}", by=OWNER) for one in range(3)),
            return_exceptions=True,
        )
        assert codes(ended) == {"being-sent"}
        assert len(await shop.rows("select notice_id from notice where offer_id = ?", (offer_id,))) == 1


def picture(shade: int) -> bytes:
    """A small picture, each shade another."""
    out = io.BytesIO()
    Image.new("L", (16, 16), 20 * shade).save(out, "PNG")
    return out.getvalue()


async def late(steps: float, act: Awaitable[object]) -> None:
    """Do it so many steps later."""
    await asyncio.sleep(steps * STEP)
    await act


def codes(ended: Iterable[object]) -> set[str]:
    """How those ended that were refused."""
    failed = [one for one in ended if isinstance(one, BaseException)]
    assert all(isinstance(one, PoiError) for one in failed), failed
    return {one.code for one in failed if isinstance(one, PoiError)}


def _untracked() -> Job[None]:
    yield Query("update product set tracked = 0 where code = 'tarte'")
