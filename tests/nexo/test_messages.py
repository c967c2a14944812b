"""The till's requests in SQL, on both engines: one row a ServiceID, its first answer stays, old ones go."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_server.nexo.messages import (
    KEPT_US,
    REUSE_US,
    Echo,
    Kept,
    Line,
    about,
    answer,
    begin,
    claim,
    digest,
    find,
    forget_old,
    is_acquired,
    log_in,
    log_out,
    logins,
    made,
)
from poi_server.nexo.wire.common import MessageHeader
from tests.engine.plans import Recorded, walks
from tests.engine.shop import STATION, M, merchant_rows

KEY = ("mer_1", "poi", "till", "42")
HEADER = MessageHeader(
    message_class="Service", message_category="Login", message_type="Request", poiid="poi", sale_id="till"
)
ECHO = Echo(kind="Normal", lines=(Line("1", 1, "TEA"),))


async def put(sql: Sql, message_id: str, body: bytes = b"{}", at: int = 0) -> Kept:
    return await sql.write(lambda: begin(KEY, message_id, "sta_1", "Payment", digest("Payment", body), ECHO, at))


async def test_the_first_one_is_fresh_and_all_others_are_told_of_it(sql: Sql) -> None:
    found = await asyncio.gather(*(put(sql, f"nxm_{number}") for number in range(8)))
    assert [one.fresh for one in found].count(True) == 1
    assert len({one.message_id for one in found}) == 1
    assert {one.echo for one in found} == {ECHO}


async def test_the_first_answer_stays(sql: Sql) -> None:
    await put(sql, "nxm_1")
    await sql.write(lambda: about(KEY, "ses_1"))
    await sql.write(lambda: answer(KEY, b"first", 1))
    await sql.write(lambda: answer(KEY, b"second", 2))
    kept = await sql.read(lambda: find(KEY))
    assert kept is not None
    assert (kept.answer, kept.subject, kept.fresh) == (b"first", "ses_1", False)


async def test_another_body_is_refused_until_the_service_id_may_be_used_again(sql: Sql) -> None:
    await put(sql, "nxm_1")
    with pytest.raises(Conflict) as refused:
        await put(sql, "nxm_2", b"other", at=REUSE_US - 1)
    assert refused.value.code == "service-id-used"
    assert (await put(sql, "nxm_3", at=REUSE_US + 1)).message_id == "nxm_1", "the same request is the same for ever"
    assert (await put(sql, "nxm_4", b"other", at=REUSE_US + 1)).message_id == "nxm_4"


async def test_of_two_requests_in_one_session_one_has_it_until_it_is_answered(sql: Sql) -> None:
    """Whichever process they came to: each has its own connection here."""
    await sql.write(merchant_rows)
    keys = [(M, "poi", "till", str(number)) for number in range(6)]
    for key in keys:
        named = (key, f"nxm_{key[3]}", STATION, "Payment", b"", ECHO, 5)
        await sql.write(lambda named=named: begin(*named))  # type: ignore[misc]

    async def has(key: tuple[str, str, str, str], since: int = 0) -> bool:
        try:
            await sql.write(lambda: claim(key, "ses_1", STATION, since))
        except Conflict as refused:
            assert refused.code == "station-busy"
            return False
        return True

    found = await asyncio.gather(*(has(key) for key in keys))
    assert found.count(True) == 1
    first, other = keys[found.index(True)], keys[found.index(False)]
    assert await has(first), "it has it already"
    assert await has(other, since=5), "whoever came so long ago is gone"
    for key in (first, other):
        await sql.write(lambda key=key: answer(key, b"done", 6))  # type: ignore[misc]
    assert await has(next(key for key in keys if key not in (first, other)))


async def test_a_customer_is_acquired_once_nobody_waits_for_them_any_more(sql: Sql) -> None:
    """By its answer; or by its age, where the process that waited was killed."""
    await sql.write(lambda: begin(KEY, "nxm_1", "sta_1", "CardAcquisition", b"", ECHO, 5))
    await sql.write(lambda: claim(KEY, "ses_1", "sta_1", 0))
    assert not await sql.read(lambda: is_acquired("mer_1", "ses_1", 4))
    assert await sql.read(lambda: is_acquired("mer_1", "ses_1", 5))
    await sql.write(lambda: answer(KEY, b"done", 6))
    assert await sql.read(lambda: is_acquired("mer_1", "ses_1", 4))
    assert not await sql.read(lambda: is_acquired("mer_1", "ses_2", 4))


async def test_old_answers_are_deleted(sql: Sql) -> None:
    await put(sql, "nxm_1")
    await sql.write(lambda: forget_old("mer_1", KEPT_US - 1))
    assert await sql.read(lambda: find(KEY)) is not None
    await sql.write(lambda: forget_old("mer_2", KEPT_US))
    assert await sql.read(lambda: find(KEY)) is not None
    await sql.write(lambda: forget_old("mer_1", KEPT_US))
    assert await sql.read(lambda: find(KEY)) is None


async def test_a_till_is_logged_in_once(sql: Sql) -> None:
    for operator in ("Ada", "Grace"):
        await sql.write(lambda operator=operator: log_in("mer_1", HEADER, "sta_1", operator, "", "Till 7", 0))  # type: ignore[misc]
    found = await sql.read(lambda: logins("mer_1", "poi"))
    assert [(one.sale_system, one.operator) for one in found] == [("till", "Grace")]
    assert await sql.read(lambda: logins("mer_2", "poi")) == []
    assert await sql.write(lambda: log_out("mer_1", HEADER))
    assert not await sql.write(lambda: log_out("mer_1", HEADER))


async def test_nothing_of_a_person_or_card_is_in_the_request_on_file(sql: Sql) -> None:
    await put(sql, "nxm_1", b'{"LoyaltyID": "LOYAL-0017"}')

    def job() -> Job[str]:
        return str([dict(row) for row in (yield Query("select * from nexo_message"))])

    assert "LOYAL" not in await sql.read(job)


async def test_no_request_walks_those_before_it(sqlite_url: str, sqlite_template: Path) -> None:
    storage = open_sql(sqlite_url)
    sql = Recorded(storage)
    try:
        await put(sql, "nxm_1")
        await sql.write(lambda: claim(KEY, "ses_1", "sta_1", -1))
        await sql.read(lambda: is_acquired("mer_1", "ses_1", 0))
        await sql.write(lambda: answer(KEY, b"first", 1))
        await sql.read(lambda: find(KEY))
        await sql.read(lambda: made("mer_1", "nexo:poi:till", "nxm_1"))
        await sql.write(lambda: forget_old("mer_1", KEPT_US))
    finally:
        await storage.close()
    with closing(sqlite3.connect(f"file:{sqlite_template}?mode=ro", uri=True)) as connection:
        assert {
            text: found for text, values in sql.statements.items() if (found := walks(connection, text, values))
        } == {}


@pytest.mark.parametrize("other", [b"other", None], ids=["another request since", "too old"])
async def test_what_was_served_is_not_served_again_when_its_answer_is_gone(sql: Sql, other: bytes | None) -> None:
    """A secured message that somebody has recorded proves the key it was sealed with, whenever it is sent."""
    await put(sql, "nxm_1")
    if other is not None:
        await put(sql, "nxm_2", other, at=REUSE_US)
    await sql.write(lambda: forget_old("mer_1", REUSE_US + KEPT_US))
    for at in (REUSE_US + KEPT_US, 100 * KEPT_US):
        with pytest.raises(Conflict) as refused:
            await put(sql, "nxm_3", at=at)
        assert refused.value.code == "message-spent"
    assert (await put(sql, "nxm_4", b"new", at=100 * KEPT_US)).fresh
    assert await sql.read(lambda: find(("mer_1", "poi", "till", "43"))) is None


async def test_what_neither_takes_nor_gives_may_come_again(sql: Sql) -> None:
    """A till whose numbers begin anew every morning closes every evening by the same message."""

    async def close(message_id: str, at: int) -> Kept:
        job = lambda: begin(KEY, message_id, "sta_1", "Reconciliation", b"z", ECHO, at)  # noqa: E731
        return await sql.write(job)

    await close("nxm_1", 0)
    await sql.write(lambda: forget_old("mer_1", KEPT_US))
    assert (await close("nxm_2", KEPT_US)).fresh
