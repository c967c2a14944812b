"""A product file into the catalogue: wholly or not at all, in constant memory, going on after a kill."""

import asyncio
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from poi_engine.errors import Conflict
from poi_engine.goods.file_export import Style, export_products
from poi_engine.goods.file_import import AT_ONCE, GoodsImport, ImportReport
from poi_engine.goods.products import Product
from poi_engine.goods.sheets import ProductSheet, SheetText
from poi_engine.ports import Job, Sql
from tests.engine.shop import M, Shop

pytestmark = pytest.mark.valkey
HEAD = "code;libellé;prix\n"


async def load(shop: Shop, text: str, *, dry_run: bool = False, sql: Sql | None = None) -> ImportReport:
    made = GoodsImport(sql or shop.sql, shop.clock, shop.ids, M, "owner:own_1", 2)
    return await made.run(io.BytesIO(text.encode()), dry_run=dry_run)


async def codes(shop: Shop) -> set[str]:
    return {str(row["code"]) for row in await shop.rows("select code from product")}


def many(count: int, price: int = 1) -> str:
    return HEAD + "".join(f"P{number:06d};Product {number};{price},50\n" for number in range(count))


async def exported(shop: Shop, style: Style = "plain") -> bytes:
    return b"".join([piece async for piece in export_products(shop.sql, M, 2, style)])


async def test_products_are_made_and_changed_and_their_prices_kept(shop: Shop) -> None:
    shop.clock.forward(1)
    report = await load(shop, HEAD + "eclair;;3,90\nflan;Flan;2,80\ntarte;Tarte;18,90\n")
    assert (report.created, report.changed, report.unchanged, report.written) == (1, 1, 1, True)
    eclair = await shop.engine.products.by_code(M, "eclair")
    assert (eclair.label, eclair.unit_price, eclair.vat_rate, eclair.gtin) == ("Éclair", 390, 550, "3012345678902")
    [change, _] = (await shop.engine.prices.history(M, "eclair")).changes
    assert (change.before, change.after, change.who) == (350, 390, "owner:own_1")
    assert len((await shop.engine.prices.history(M, "tarte")).changes) == 1


async def test_a_mistake_anywhere_keeps_everything_out(shop: Shop) -> None:
    text = many(AT_ONCE + 10) + "bad;Bad;12,345\nnew;;1\n"
    report = await load(shop, text)
    assert (report.written, report.mistake_count, report.rows) == (False, 2, AT_ONCE + 12)
    assert [(one.line, one.column, one.code) for one in report.mistakes] == [
        (AT_ONCE + 12, "prix", "csv-decimals"),
        (AT_ONCE + 13, "label", "csv-new-name"),
    ]
    assert await codes(shop) == {"eclair", "tarte", "cafe"}
    assert await shop.rows("select * from product_import") == []


async def test_a_dry_run_writes_nothing(shop: Shop) -> None:
    before = await shop.rows("select * from price_change")
    report = await load(shop, many(5), dry_run=True)
    assert (report.rows, report.mistake_count, report.written) == (5, 0, False)
    assert await codes(shop) == {"eclair", "tarte", "cafe"}
    assert await shop.rows("select * from price_change") == before
    assert await shop.rows("select * from product_import") == []


async def test_a_gtin_of_another_product_is_a_mistake(shop: Shop) -> None:
    report = await load(shop, "code;label;price;ean\nx;X;1;03012345678902\n")
    assert [(one.line, one.code) for one in report.mistakes] == [(2, "csv-gtin-taken")]
    report = await load(shop, "code;label;price;ean\nx;X;1;4006381333931\ny;Y;1;4006381333931\n")
    assert [(one.line, one.code) for one in report.mistakes] == [(3, "csv-gtin-taken")]


async def test_what_a_file_has_no_column_for_stays(shop: Shop) -> None:
    texts = {"fr": SheetText(label="L'éclair", description="Au café")}
    sheet = ProductSheet(
        code="eclair",
        label="Éclair",
        unit_price=350,
        gtin="3012345678902",
        gtins=("4006381333931",),
        texts=texts,
        attributes={"size": "S"},
    )
    await shop.engine.sheets.put(M, sheet, who="owner:own_1")
    await load(shop, "code;prix;label_en;attribute:colour\neclair;4;Éclair;brown\n")
    found = await shop.engine.sheets.get(M, "eclair")
    assert (found.unit_price, found.gtins, found.attributes) == (
        400,
        ("4006381333931",),
        {"size": "S", "colour": "brown"},
    )
    assert found.texts == {**texts, "en": SheetText(label="Éclair")}
    await load(shop, "code;ean;attributes;label_fr;description_fr\neclair;;;;\n")
    found = await shop.engine.sheets.get(M, "eclair")
    assert (found.gtin, found.gtins, found.attributes, found.texts) == (None, (), {}, {"en": SheetText(label="Éclair")})


async def test_the_last_of_several_lines_of_a_product_counts(shop: Shop) -> None:
    report = await load(shop, HEAD + "flan;Flan;1\nflan;;2\nflan;Far;\n")
    assert (report.created, report.mistake_count) == (1, 0)
    flan = await shop.engine.products.by_code(M, "flan")
    assert (flan.label, flan.unit_price) == ("Far", 200)


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """Storage that dies at the n-th write, before or after its commit."""

    def __init__(self, sql: Sql, at: int, after: bool) -> None:
        self._sql, self._left, self._after = sql, at, after

    async def read(self, job: Callable[[], Job[Any]]) -> Any:
        return await self._sql.read(job)

    async def write(self, job: Callable[[], Job[Any]]) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        done = await self._sql.write(job)
        if self._left == 0:
            raise Killed
        return done


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.parametrize("at", [1, 2, 4])
async def test_the_same_file_goes_on_where_it_was_killed(shop: Shop, at: int, after: bool) -> None:
    count = 3 * AT_ONCE + 7
    text = many(count)
    with pytest.raises(Killed):
        await load(shop, text, sql=Dying(shop.sql, at, after))
    done = len(await codes(shop)) - 3
    assert done == min(count, AT_ONCE * (at if after else at - 1))
    report = await load(shop, text)
    assert (report.rows, report.created, report.resumed_at) == (count, count, done + 2 if done else None)
    assert len(await codes(shop)) == count + 3
    changes = await shop.rows("select code from price_change where code like 'P%'")
    assert len(changes) == count
    again = await load(shop, text)
    assert (again.unchanged, again.resumed_at) == (count, None)


async def test_another_file_does_not_go_on_there(shop: Shop) -> None:
    with pytest.raises(Killed):
        await load(shop, many(2 * AT_ONCE), sql=Dying(shop.sql, 1, True))
    report = await load(shop, many(AT_ONCE, price=2))
    assert (report.changed, report.resumed_at) == (AT_ONCE, None)


@pytest.mark.parametrize("style", ["plain", "french"])
async def test_what_is_exported_is_imported_back(shop: Shop, style: Style) -> None:
    await shop.engine.products.put(
        M,
        Product(
            code="=odd",
            label='@a "quoted"; label,\nand more',
            unit_price=5,
            unit="kg",
            vat_rate=2100,
            cost=3,
            active=False,
            tracked=True,
            low_stock=1500,
            parent="eclair",
            attributes={"size": "M", "colour": "bleu nuit"},
            content=750,
            content_unit="l",
        ),
    )
    texts = {"fr": SheetText(label="L'éclair", description="Au café;\nfrais"), "en": SheetText(description="-fresh")}
    sheet = ProductSheet(code="tarte", label="Tarte", unit_price=1890, gtins=("4006381333931", "96385074"), texts=texts)
    await shop.engine.sheets.put(M, sheet, who="owner:own_1")
    content = await exported(shop, style)
    assert content.startswith(b"\xef\xbb\xbfcode;label" if style == "french" else b"code,label")
    report = await load(shop, content.decode("utf-8-sig"))
    assert (report.unchanged, report.created, report.changed, report.mistake_count) == (4, 0, 0, 0)
    assert await exported(shop, style) == content


async def test_memory_does_not_grow_with_the_file(shop: Shop) -> None:
    async def peak(count: int) -> int:
        text = many(count)
        tracemalloc.start()
        try:
            await load(shop, text, dry_run=True)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await peak(AT_ONCE)
    small, large = await peak(4 * AT_ONCE), await peak(20 * AT_ONCE)
    grown_file = len(many(20 * AT_ONCE)) - len(many(4 * AT_ONCE))
    assert large - small < grown_file * 2.5  # the test's own copies of the file, and no more


async def test_tills_sell_while_a_file_is_read_in(shop: Shop) -> None:
    loading = asyncio.create_task(load(shop, many(6 * AT_ONCE)))
    sold = 0
    while not loading.done():
        await shop.sell(100, means="cash")
        sold += 1
    assert (await loading).created == 6 * AT_ONCE
    assert sold >= 2


async def test_one_file_at_a_time(shop: Shop) -> None:
    imports = shop.engine.imports
    first = asyncio.create_task(imports.run(M, "owner:own_1", 2, io.BytesIO(many(3).encode())))
    await asyncio.sleep(0)
    with pytest.raises(Conflict) as refused:
        await imports.run(M, "owner:own_1", 2, io.BytesIO(many(3).encode()))
    assert (refused.value.code, (await first).created) == ("import-under-way", 3)
    assert (await imports.run(M, "owner:own_1", 2, io.BytesIO(many(3).encode()))).unchanged == 3
