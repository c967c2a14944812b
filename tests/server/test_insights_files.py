"""The figures as files: every table adds up to the same totals, and nothing in them calculates."""

import csv
import io
import sys
from decimal import Decimal
from typing import Any

import pytest

from tests.server.shop import Shop
from tests.server.test_insights import refund, sell

pytestmark = pytest.mark.valkey

TABLES = (
    *("days", "hours", "payments", "visits", "stores", "sellers", "products", "offers", "customers", "cohorts"),
    *("sales", "lines"),
)
EVIL = '=HYPERLINK("http://x","Tarte, ou éclair")'


@pytest.fixture
async def sold(shop: Shop) -> Shop:
    """A few sales and refunds, one of a product whose name is a formula."""
    await shop.ask("PUT", "/v1/products/evil", {"code": "evil", "label": EVIL, "unit_price": 1250})
    made = await shop.ask("POST", "/v1/customers", {"display_name": "+Ada"})
    for number in range(6):
        entries: list[dict[str, Any]] = [{"code": "evil", "quantity": 1000 * (number + 1)}, {"amount": 130}]
        session = await sell(shop, entries, "cash", made.json["customer_id"] if number % 2 else None, number)
        if number % 3 == 0:
            await refund(shop, session["sale_id"], whole=number == 0)
    return shop


async def table(shop: Shop, name: str, more: str = "") -> list[dict[str, str]]:
    """A table as a spreadsheet reads it."""
    answer = await shop.ask("GET", f"/v1/insights/export/{name}?format=csv{more}")
    assert answer.status == 200, answer.content
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="{name}_' in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def added(rows: list[dict[str, str]], column: str) -> Decimal:
    """The sum of a column."""
    return sum((Decimal(row[column]) for row in rows), Decimal())


async def test_every_table_adds_up_to_the_totals(sold: Shop) -> None:
    totals = (await sold.ask("GET", "/v1/insights")).json["totals"]
    wanted = Decimal(totals["total"]) / 100
    for name in ("days", "hours", "payments", "visits", "stores", "products", "sales", "lines"):
        assert added(await table(sold, name), "total") == wanted, name
    for name in ("days", "hours", "payments", "visits", "stores"):
        rows = await table(sold, name)
        assert (added(rows, "sales"), added(rows, "refunds")) == (totals["sales"], totals["refunds"]), name
    sales = await table(sold, "sales")
    known = [row for row in sales if row["customer_id"]]
    assert added(await table(sold, "customers"), "total") == added(known, "total")
    assert len(sales) == totals["sales"] + totals["refunds"]
    assert {row["visitor"] for row in sales} == {"anonymous", "new", "returning"}
    [cohort] = await table(sold, "cohorts")
    assert cohort["customers"] == "1"


async def test_a_text_is_never_a_formula(sold: Shop) -> None:
    for name, column, value in (
        ("products", "label", EVIL),
        ("lines", "label", EVIL),
        ("customers", "display_name", "+Ada"),
    ):
        assert f"'{value}" in {row[column] for row in await table(sold, name)}


async def test_a_french_spreadsheet_reads_semicolons_and_decimal_commas(sold: Shop) -> None:
    answer = await sold.ask("GET", "/v1/insights/export/days?style=french")
    head, row = answer.content.decode("utf-8-sig").split()
    assert head.startswith("day;sales;refunds;total;")
    assert "," in row.split(";")[3]


@pytest.mark.parametrize("name", TABLES)
async def test_parquet_holds_what_csv_holds(sold: Shop, name: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the [parquet] extra is not installed")
    answer = await sold.ask("GET", f"/v1/insights/export/{name}?format=parquet")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/vnd.apache.parquet")
    rows = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    written = await table(sold, name)
    assert len(rows) == len(written)
    for row, texts in zip(rows, written, strict=True):
        for column, text in texts.items():
            if isinstance(row[column], int | Decimal):
                assert row[column] == Decimal(text), column
            elif isinstance(row[column], str):
                assert row[column] == text.removeprefix("'"), column


async def test_without_pyarrow_parquet_is_refused_and_csv_is_not(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = await sold.ask("GET", "/v1/insights/export/days?format=parquet")
    assert (refused.status, refused.code, refused.json["path"]) == (422, "parquet-absent", "$.format")
    assert "[parquet]" in refused.json["detail"]
    assert await table(sold, "days")


async def test_a_page_ends_and_the_next_one_goes_on(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {name: await table(sold, name) for name in ("sales", "lines", "customers")}
    for size in ("_SALES", "_PEOPLE"):
        monkeypatch.setattr(f"poi_engine.insights.export.{size}", 1)
    assert {name: await table(sold, name) for name in whole} == whole


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/insights/export/secrets", 404, "not-found"),
        ("/v1/insights?store_id=sto_x", 404, "not-found"),
        ("/v1/insights/export/days?format=xlsx", 422, "invalid-parameter"),
        ("/v1/insights/sales?after=x", 422, "bad-cursor"),
        ("/v1/insights/sales?weekday=8", 422, "invalid-parameter"),
        ("/v1/insights/products?order=best", 422, "invalid-parameter"),
        ("/v1/insights?first=0001-01-01&last=0001-01-02", 422, "bad-period"),
        ("/v1/insights?first=9999-12-01&last=9999-12-31", 422, "bad-period"),
    ],
)
async def test_a_mistake_is_told(shop: Shop, path: str, status: int, code: str) -> None:
    refused = await shop.ask("GET", path)
    assert (refused.status, refused.code) == (status, code)


@pytest.mark.parametrize("role", ["seller", "station", "phone"])
@pytest.mark.parametrize("path", ["", "/products", "/cohorts", "/sales", "/export/days"])
async def test_figures_are_for_those_who_may_read_them(shop: Shop, role: str, path: str) -> None:
    assert (await shop.ask("GET", f"/v1/insights{path}", role=role)).status == 403


@pytest.mark.parametrize("role", ["manager", "auditor"])
async def test_managers_and_auditors_read_them(shop: Shop, role: str) -> None:
    for path in ("", "/products", "/cohorts", "/sales", "/export/days"):
        assert (await shop.ask("GET", f"/v1/insights{path}", role=role)).status == 200, path


async def test_best_sellers_and_drill_down_over_the_api(sold: Shop) -> None:
    page = (await sold.ask("GET", "/v1/insights/products?limit=1")).json
    [best] = page["items"]
    assert (best["code"], best["rank"], best["before_rank"], page["next"]) == ("evil", 1, None, 1)
    behind = (await sold.ask("GET", "/v1/insights/sales?code=evil&kind=sale")).json
    assert len(behind["items"]) == best["sales"]
    [cohort] = (await sold.ask("GET", "/v1/insights/cohorts?months=2")).json["items"]
    assert (cohort["customers"], cohort["active"]) == (1, [1])
    compared = (await sold.ask("GET", "/v1/insights?compare=year&top=0")).json
    assert compared["before"]["totals"]["sales"] == 0
    assert (compared["by_product"], compared["top_customers"]) == ([], [])
