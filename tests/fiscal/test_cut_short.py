"""A closing that is cut short at any statement leaves nothing behind, and is made whole the next time."""

from collections.abc import Iterator

import pytest

from poi_engine.fiscal import checks, closing
from poi_engine.fiscal.drafts import draft_day
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.times import local_day
from poi_engine.ports import Job
from tests.engine.shop import SELLER, STATION, M, Shop


class Cut(Exception):
    """The process ends here."""


def cut_after(job: Job[object], statements: Iterator[int]) -> Job[object]:
    """The job, ended after so many statements."""
    rows = None
    for _ in statements:
        try:
            query = next(job) if rows is None else job.send(rows)
        except StopIteration as stop:
            return stop.value
        rows = yield query
    raise Cut


@pytest.mark.valkey
async def test_a_closing_cut_short_at_every_statement(shop: Shop) -> None:
    await shop.sell(1000)
    await shop.sell(500, means="cash")
    at, signer = shop.engine.wiring.at(), Signer(None)
    today = local_day(at, "Europe/Paris")
    draft = await shop.sql.read(lambda: draft_day(M, STATION, today, today=True))
    assert draft is not None
    whole = 0
    while True:
        whole += 1
        try:
            await shop.sql.write(
                lambda n=whole: cut_after(closing.write(M, draft, signer.sign, "evt_x", "seller:1", at), iter(range(n)))
            )
        except Cut:
            for table in ("closing", "fiscal_event", "fiscal_key"):
                assert await shop.rows(f"select * from {table}") == [], whole
            assert await shop.rows("select * from closing_head where number > 0 or closed_until > 0") == [], whole
            assert await shop.sql.read(checks.faults) == []
        else:
            break
    assert whole > 10
    again = await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    assert (again.closing.number, again.closing.total) == (1, 1500)
    assert await shop.sql.read(checks.faults) == []
