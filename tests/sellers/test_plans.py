"""No statement of the staff walks a table that grows, however many acts are on record."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from poi_engine.clock import micros
from poi_engine.ports import Job
from poi_engine.staff.approvals import Allowance, allow, was_allowed
from poi_engine.staff.audit import AuditBook, AuditFilter
from poi_engine.staff.badges import Badge
from poi_engine.storage import open_sql
from tests.engine.plans import Recorded, walks
from tests.engine.shop import STATION, Card, FakeClock, M, merchant_rows
from tests.sellers.conftest import COUNTER, OWNER, PIN, Staff

GROWING = ("audit", "approval", "seller_refund", "badge", "station_seller", "credential")


async def test_a_day_of_staff_walks_no_growing_table(
    sqlite_url: str, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = open_sql(sqlite_url)
    recorded = Recorded(sql)
    try:
        await sql.write(merchant_rows)
        await day(Staff(recorded, FakeClock(), exclusive=False))
    finally:
        await sql.close()
    monkeypatch.setattr("tests.engine.plans.GROWING", frozenset(GROWING))
    with closing(sqlite3.connect(f"file:{sqlite_template}?mode=ro", uri=True)) as database:
        assert walks(database, "select used_by from approval where merchant_id = ? and act = ?", ["x", "x"]), (
            "it would notice"
        )
        found = {text: walks(database, text, values) for text, values in recorded.statements.items()}
    everybody = "from badge where merchant_id = ? order by created_at, subject"  # a page of managers: all of them
    bad = {text: steps for text, steps in found.items() if steps and not text.endswith(everybody)}
    assert not bad, "\n".join(f"{text}\n    {'; '.join(steps)}" for text, steps in bad.items())
    touched = {name for name in GROWING if any(f" {name} " in f"{text} " for text in recorded.statements)}
    assert touched == set(GROWING)


async def day(staff: Staff) -> None:
    """Everything the staff's services do."""
    ada, grace = await staff.hire("Ada", refund_limit=100), await staff.hire("Grace", "manager")
    badge = Badge(scheme="uid", subject="04a1b2c3")
    await staff.sellers.link_badge(M, ada, badge, by=OWNER)
    assert await staff.sellers.badge_of(M, Card("uid", "04a1b2c3")) == ada
    await staff.signins.with_badge(M, STATION, ada)
    await staff.enter(grace)
    await staff.enter(ada)
    acting = await staff.signins.acting(COUNTER, active=True)
    given = await staff.approvals.by_pin(M, "refund", "sal_1", 500, grace, PIN, asked=acting)
    at = micros(staff.clock.now())

    def refunds() -> Job[None]:
        who = f"seller:{ada}"
        yield from allow(M, Allowance(who=who, seller_id=ada, limit=100), "refund", "sal_1", 50, "ref_1", at)
        yield from allow(M, Allowance(who=who, approval_id=given.approval_id), "refund", "sal_1", 500, "ref_2", at)
        assert not (yield from was_allowed(M, who, "override", "ses_1", "the prices", at))

    await staff.sql.write(refunds)
    staff.clock.forward(3600)
    assert await staff.who() is None
    await staff.sellers.unlink_badge(M, ada, badge, by=OWNER)
    await staff.sellers.everybody(M)
    book = AuditBook(staff.sql)
    assert await book.acts(M)
    for wanted in (
        AuditFilter(),
        AuditFilter(who="owner:owner"),
        AuditFilter(act="sign-in"),
        AuditFilter(subject_id=ada),
        AuditFilter(who="owner:owner", act="set-pin", subject_id=ada, first=1, last=at),
    ):
        page = await book.page(M, wanted, limit=2)
        await book.page(M, wanted, limit=2, after=page[-1].audit_id)
