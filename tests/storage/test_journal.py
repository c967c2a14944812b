"""The journal: gap-free numbers, a hash chain, and every alteration found at its first row."""

import asyncio
import random
import time
from typing import Any

import msgspec
import pytest

from poi_engine.fiscal import checks, events, journal
from poi_engine.fiscal.chain import JOURNAL, Break, canonical, check_chain, link, origin
from poi_engine.fiscal.journal import Receipt, ReceiptLine, ReceiptPayment, ReceiptVat
from poi_engine.fiscal.version import STAMP
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query
from poi_engine.storage import open_sql
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from tests.fiscal.appending import append as append_receipt

M, STATION = "mer_1", "sta_1"
IDS = Ids(time.time)
LINE = ReceiptLine(
    line_id="1",
    label="Éclair",
    quantity=1000,
    unit="piece",
    unit_price=320,
    vat_rate=550,
    amount=320,
    saved=0,
    total=320,
)
RECEIPT = Receipt(
    kind="sale",
    sale_id="sal_1",
    store_id="sto_1",
    station_id=STATION,
    currency="EUR",
    at="2026-11-22T13:05:09Z",
    local_minute="2026-11-22T14:05+01:00",
    lines=(LINE,),
    vat=(ReceiptVat(rate=550, net=303, vat=17, gross=320),),
    payments=(ReceiptPayment(means="cash", amount=320),),
    subtotal=320,
    saved=0,
    total=320,
)


OF_FORMAT_1 = (
    '{"at":"2026-11-22T13:05:09Z","currency":"EUR","customer_id":null,"discounts":[],"format":1,"kind":"sale",'
    '"lines":[{"amount":320,"code":"","label":"Éclair","line_id":"1","quantity":1000,"saved":0,"total":320,'
    '"unit":"piece","unit_price":320,"vat_rate":550}],"local_minute":"2026-11-22T14:05+01:00","number":0,'
    '"payments":[{"amount":320,"card_scheme":null,"means":"cash"}],"points_earned":0,"points_owed":0,'
    '"points_spent":0,"reason":"","refund_of":null,"sale_id":"sal_1","saved":0,"seller_id":null,'
    '"station_id":"sta_1","store_id":"sto_1","subtotal":320,"total":320,"value_given":0,"value_owed":0,'
    '"vat":[{"gross":320,"net":303,"rate":550,"vat":17}]}'
)


def test_canonical_bytes_are_sorted_compact_json_with_every_field() -> None:
    document = canonical(RECEIPT)
    assert document.decode() == OF_FORMAT_1.replace(
        '"discounts":[],"format":1,', '"discounts":[],"fiscal":"","format":2,'
    ).replace(
        '"subtotal":320,"total":320,"value_given"',
        '"stored":0,"subtotal":320,"total":320,"training":false,"value_given"',
    ).replace('"card_scheme":null,"means"', '"card_scheme":null,"given":null,"guaranteed":true,"means"')
    assert journal.receipt_of(document) == RECEIPT


def test_receipts_of_format_1_are_read_and_hold_for_ever() -> None:
    document = OF_FORMAT_1.encode()
    assert journal.receipt_of(document) == msgspec.structs.replace(RECEIPT, format=1)
    previous = origin(JOURNAL, M, STATION)
    first = link(previous, 1, document)
    assert previous.hex() == "0f7d82670b9e798647dea9493ff1272e7b3a2193ec1d95ec5cd9741b3a5ff9a9"
    assert first.hex() == "0b4886a0dd1c21b059b245cf521c2725d9f617b55a4efa99f881be0292d255e2"
    row = {"number": 1, "format": 1, "document": document, "previous": previous, "hash": first}
    assert check_chain(JOURNAL, M, STATION, [row], {"number": 1, "hash": first}) is None


def append(sale_id: str) -> Any:
    return lambda: append_receipt(M, STATION, "sale", sale_id, msgspec.structs.replace(RECEIPT, sale_id=sale_id), at=1)


async def test_receipts_are_numbered_without_a_gap_by_two_processes(sql: SqliteSql | PostgresSql, sql_url: str) -> None:
    def refused(sale_id: str) -> Job[None]:
        yield from append(sale_id)()
        raise ValueError(sale_id)

    other = open_sql(sql_url)
    try:
        outcomes = await asyncio.gather(
            *((sql, other)[i % 2].write(append(f"sal_{i}")) for i in range(60)),
            *((sql, other)[i % 2].write(lambda i=i: refused(f"sal_x{i}")) for i in range(10)),
            return_exceptions=True,
        )
    finally:
        await other.close()
    assert sorted(outcomes[:60]) == list(range(1, 61))
    assert {type(outcome) for outcome in outcomes[60:]} == {ValueError}
    assert await sql.read(checks.faults) == []


async def test_the_stored_receipt_carries_its_number(sql: SqliteSql | PostgresSql) -> None:
    def stored() -> Job[bytes]:
        yield from append("sal_1")()
        yield from append("sal_2")()
        return bytes((yield Query("select document from journal where number = 2"))[0]["document"])

    receipt = journal.receipt_of(await sql.write(stored))
    assert (receipt.number, receipt.sale_id) == (2, "sal_2")
    assert receipt.fiscal == STAMP


async def test_a_clock_that_has_gone_back_is_put_on_record_once(sql: SqliteSql | PostgresSql) -> None:
    hour = 3_600_000_000

    def sold(at: int) -> Any:
        return lambda: append_receipt(M, STATION, "sale", f"sal_{at}", RECEIPT, at=at)

    for at in (10 * hour, 10 * hour - 5_000_000, 9 * hour, 9 * hour + 1, 11 * hour):
        await sql.write(sold(at))
    found = await sql.read(lambda: events.page(M, STATION, 100, 10))
    assert [(event.kind, event.values) for event in found] == [
        ("clock-back", {"after": "1970-01-01T10:00:00.000000Z", "receipt": 3})
    ]


def chain(length: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    previous = origin(JOURNAL, M, STATION)
    for number in range(1, length + 1):
        document = canonical(msgspec.structs.replace(RECEIPT, number=number, sale_id=f"sal_{number}"))
        digest = link(previous, number, document)
        rows.append({"number": number, "format": 1, "document": document, "previous": previous, "hash": digest})
        previous = digest
    return rows, {"number": length, "hash": previous}


def test_every_flipped_bit_is_found_at_its_row() -> None:
    chance = random.Random(7)
    for _ in range(1000):
        rows, head = chain(6)
        at, column = chance.randrange(6), chance.choice(["document", "previous", "hash"])
        value = bytearray(rows[at][column])
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        rows[at][column] = bytes(value)
        found = check_chain(JOURNAL, M, STATION, rows, head)
        assert found is not None
        assert found.number == at + 1


@pytest.mark.parametrize(
    ("alter", "found"),
    [
        (lambda rows, head: rows.pop(2), Break(number=3, why="gap")),
        (lambda rows, head: rows.pop(), Break(number=6, why="head")),
        (lambda rows, head: rows.clear(), Break(number=1, why="head")),
        (lambda rows, head: rows.insert(2, rows.pop(3)), Break(number=3, why="gap")),
        (lambda rows, head: rows[0].update(format=9), Break(number=1, why="format")),
        (lambda rows, head: head.update(number=7), Break(number=7, why="head")),
        (lambda rows, head: rows.append(dict(rows[-1], number=7)), Break(number=7, why="unlinked")),
    ],
)
def test_removing_reordering_and_adding_rows_is_found(alter: Any, found: Break) -> None:
    rows, head = chain(6)
    alter(rows, head)
    assert check_chain(JOURNAL, M, STATION, rows, head) == found


def test_a_chain_belongs_to_its_station_and_merchant() -> None:
    rows, head = chain(2)
    assert check_chain(JOURNAL, M, STATION, rows, head) is None
    assert check_chain(JOURNAL, M, "sta_2", rows, head) == Break(number=1, why="unlinked")
    assert check_chain(JOURNAL, "mer_2", STATION, rows, head) == Break(number=1, why="unlinked")
