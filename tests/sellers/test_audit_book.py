"""The audit as it is read: newest first, page by page, by who, act, subject and time."""

import pytest

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import micros
from poi_engine.errors import RequestError
from poi_engine.ports import Job
from poi_engine.staff.audit import AuditBook, AuditEntry, AuditFilter
from tests.engine.shop import START, STATION, M
from tests.sellers.conftest import Staff

AT = micros(START)


async def test_pages_hold_every_row_once_also_those_of_one_moment(staff: Staff) -> None:
    book = await written(staff, 25)
    seen: list[AuditEntry] = []
    while page := await book.page(M, AuditFilter(), limit=4, after=seen[-1].audit_id if seen else ""):
        seen += page
    assert len({entry.audit_id for entry in seen}) == 25
    assert [entry.at for entry in seen] == sorted((entry.at for entry in seen), reverse=True)


async def test_filters_and_their_pages(staff: Staff) -> None:
    book = await written(staff, 24)
    for wanted in (AuditFilter(who="seller:slr_1"), AuditFilter(act="refund"), AuditFilter(subject_id="sal_1")):
        first = await book.page(M, wanted, limit=5)
        rest = await book.page(M, wanted, limit=50, after=first[-1].audit_id)
        assert len(first + rest) == 8
        assert {entry.act for entry in first + rest} == {"refund"}
    nothing = AuditFilter(who="seller:slr_1", act="sign-in")
    assert await book.page(M, nothing, limit=5) == []


async def test_days_begin_inclusively_and_end_exclusively(staff: Staff) -> None:
    book = await written(staff, 24)
    found = await book.page(M, AuditFilter(first=AT + 2, last=AT + 4), limit=50)
    assert {entry.at.microsecond for entry in found} == {2, 3}
    assert len(found) == 6


async def test_names_are_told_and_other_merchants_rows_are_not(staff: Staff) -> None:
    ada = await staff.hire("Ada", pin=None)
    await staff.signins.with_badge(M, STATION, ada)
    book = AuditBook(staff.sql)
    entry = (await book.page(M, AuditFilter(act="sign-in"), limit=1))[0]
    assert (entry.name, entry.station, entry.station_id) == ("Ada", STATION, STATION)
    assert await book.page("mer_2", AuditFilter(), limit=5) == []
    assert await book.acts("mer_2") == []
    assert await book.acts(M) == ["add-seller", "sign-in"]


async def test_a_cursor_that_is_none_is_refused(staff: Staff) -> None:
    with pytest.raises(RequestError) as refused:
        await AuditBook(staff.sql).page(M, AuditFilter(), limit=5, after="aud_none")
    assert (refused.value.code, refused.value.path) == ("unknown-cursor", "$.after")


async def written(staff: Staff, count: int) -> AuditBook:
    """So many rows, three to a microsecond, every third a refund."""

    def job() -> Job[None]:
        for n in range(count):
            who, act, subject = ("seller:slr_1", "refund", "sal_1") if n % 3 == 0 else ("owner:owner", f"act-{n}", "x")
            yield insert_audit(M, f"aud_{n:03}", who, act, subject, "", AT + n // 3)

    await staff.sql.write(job)
    return AuditBook(staff.sql)
