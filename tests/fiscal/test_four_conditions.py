"""The four conditions of the French rule for cash registers (CGI, art. 286, I, 3° bis), one test each by its name.

They show what the software does. They are no certificate, and no claim of one.
"""

import asyncio
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from poi_engine.checkout.commit import sale_of
from poi_engine.errors import Conflict, PoiError
from poi_engine.fiscal import checks
from poi_engine.fiscal.chain import CHAINS
from poi_engine.fiscal.verify_archive import verify as verify_archive
from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.fiscal.books import written

DAY = 86_400.0


@pytest.mark.valkey
async def test_inalterability_receipts_are_only_countered_never_changed(shop: Shop) -> None:
    """Every line, rate, total and means of payment is kept; a correction is a row of its own that names the first."""
    sold = await shop.sell(1000)
    sale_id = sale_of(sold.checkout_id or "")
    await shop.engine.checkout.refund(M, sale_id, None, "abîmé", key="back", by=SELLER)
    first, second = await shop.engine.sales.list(M)
    receipt = (await shop.engine.sales.get(M, second.sale_id)).receipt
    (line,) = receipt.lines
    assert (receipt.number, receipt.station_id, receipt.local_minute) == (1, STATION, "2026-11-22T14:00+01:00")
    assert line.label
    assert [(one.rate, one.net, one.vat, one.gross) for one in receipt.vat] == [(2000, 833, 167, 1000)]
    assert (line.quantity, line.unit_price, line.vat_rate, line.total, receipt.total) == (1000, 1000, 2000, 1000, 1000)
    assert [(one.means, one.amount) for one in receipt.payments] == [("card", 1000)]
    assert (first.refund_of, first.total, first.receipt_number) == (sale_id, -1000, 2)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
@pytest.mark.parametrize("change", ["update {} set hash = hash", "delete from {}"])
async def test_inalterability_the_storage_itself_refuses_changes(sql: Any, chain: Any, change: str) -> None:
    await written(sql, 1)

    def job() -> Job[None]:
        yield Query(change.format(chain.rows))

    with pytest.raises(PoiError):
        await sql.write(job)
    assert len(await sql.read(lambda: rows_of(f"select number from {chain.rows}"))) > 0


def rows_of(text: str) -> Job[list[Any]]:
    return (yield Query(text))


@pytest.mark.valkey
async def test_security_whatever_is_changed_behind_our_back_is_found(shop: Shop) -> None:
    """Chained by SHA-256, closings signed by Ed25519: here by somebody who has taken the triggers away."""
    await shop.sell(1000)
    await shop.sell(2000)
    await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    assert await verify(shop.sql) == []

    def change(text: str) -> Any:
        def job() -> Job[None]:
            yield Query("drop trigger journal_no_update")
            yield Query(text)

        return job

    before = bytes((await shop.rows("select document from journal where number = 1"))[0]["document"])  # type: ignore[call-overload]
    text = (
        "update journal set document = cast(replace(cast(document as text), '1000', '1001') as blob) where number = 1"
    )
    await shop.sql.write(change(text))
    found = await verify(shop.sql)
    assert ("journal-chain", "the chain is broken at receipt 1: altered") in {(one.rule, one.message) for one in found}

    def mend() -> Job[None]:
        yield Query("update journal set document = ? where number = 1", (before,))

    await shop.sql.write(mend)


@pytest.mark.valkey
async def test_conservation_days_months_and_years_are_closed_and_totals_never_go_back(shop: Shop) -> None:
    """Daily, monthly and yearly closings with the period's and the perpetual total; a closed day takes no sale."""
    shop.clock.forward(39 * DAY)  # 31 December
    await shop.sell(1000)
    await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    session = await shop.basket(700)
    with pytest.raises(Conflict, match="closed"):
        await shop.accept(session)
    shop.clock.forward(DAY)
    await shop.sell(500)
    await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    made = [one.closing for one in await shop.engine.fiscal.closings(M, STATION, before=1 << 60, limit=9)][::-1]
    assert [(one.kind, one.period, one.total, one.perpetual_total) for one in made] == [
        ("day", "2026-12-31", 1000, 1000),
        ("month", "2026-12", 1000, 1000),
        ("year", "2026", 1000, 1000),
        ("day", "2027-01-01", 500, 1500),
    ]


async def test_archiving_a_year_leaves_us_in_an_open_format_and_proves_itself(sql: Any, tmp_path: Path) -> None:
    """At least yearly, dated, verifiable without us, and on record."""
    fiscal = await written(sql)
    before = await sql.read(lambda: rows_of("select document from journal union all select document from closing"))
    path = tmp_path / "archive.zip"
    with await asyncio.to_thread(path.open, "wb") as file:
        made = await fiscal.archive(M, "2026", file, digits=2, by=SELLER)
    manifest = await asyncio.to_thread(verify_archive, str(path), made.manifest.keys[0].public_key)
    assert manifest["made_at"].startswith("2026-12-04T")
    with zipfile.ZipFile(path) as archive:
        assert b"receipts.jsonl" in archive.read("README.txt")
    newest = (await fiscal.events(M, "", before=1 << 60, limit=1))[0]
    assert (newest.kind, newest.values) == ("archive", {"manifest": made.sha256})
    after = await sql.read(lambda: rows_of("select document from journal union all select document from closing"))
    assert after == before, "the books lose nothing by it"
    assert await sql.read(checks.faults) == []


@pytest.mark.valkey
async def test_a_person_can_be_forgotten_and_every_chain_still_holds(shop: Shop) -> None:
    """Six years of books and the right to erasure: receipts know a pseudonym only."""
    customer_id = await shop.customer("Ada Lovelace")
    await shop.sell(1000, customer_id=customer_id)
    await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)
    await shop.engine.customers.erase(M, customer_id, by=SELLER)
    receipts = await shop.rows("select document from journal")
    closings = await shop.rows("select document from closing")
    assert all(b"Ada" not in bytes(row["document"]) for row in [*receipts, *closings])  # type: ignore[call-overload]
    assert await verify(shop.sql) == []


def test_what_the_page_on_compliance_names_is_there() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "compliance.md").read_text("utf-8")
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    assert {name for name in files if not (root / name).is_file()} == set()
    tests = {
        name for file in root.glob("tests/*/test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 10
    assert named - tests == set()
