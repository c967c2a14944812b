"""`verify` finds card numbers wherever they were written, and repeats none."""

import time
from urllib.parse import quote

import msgspec
import pytest

from poi_engine import verify_pages
from poi_engine.fiscal import training
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.verify import verify
from tests.fiscal.books import receipt
from tests.storage.world import AT, M, history, put, unprotected

IDS = Ids(time.time)


async def test_the_number_of_a_card_is_not_repeated_by_the_finding(sql: SqliteSql | PostgresSql) -> None:
    def write() -> Job[None]:
        yield Query(
            "insert into seller (merchant_id, seller_id, name) values (?, ?, ?)", (M, "sel_1", "x4111111111111111")
        )
        yield Query(
            "insert into seller (merchant_id, seller_id, name) values (?, ?, ?)", (M, "sel_2", "4111-1111-1111-1111!")
        )

    await sql.write(write)
    [finding] = await verify(sql)
    assert (finding.subject, finding.message) == ("seller sel_2", "name holds 411111******1111")


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ("update sale_line set brand = '{}' where sale_id = 'sal_2' and line_id = '1'", "sale_line sal_2/1"),
        ("update sale set entry_mode = '{}' where sale_id = 'sal_2'", "sale sal_2"),
        ("update payment set reason = '{}' where payment_id = 'pay_chk_1'", "payment pay_chk_1"),
        ("update checkout set document = '{}' where checkout_id = 'chk_1'", "checkout chk_1"),
    ],
)
async def test_a_card_number_is_found_in_its_row(sql: SqliteSql | PostgresSql, change: str, subject: str) -> None:
    def write() -> Job[None]:
        yield from history(IDS)
        yield from unprotected(change.split()[1])
        yield Query(change.format("x 4111 1111 1111 1111"))

    await sql.write(write)
    assert [one.subject for one in await verify(sql) if one.rule == "card-number"] == [subject]


@pytest.mark.parametrize(
    ("change", "subjects"),
    [
        ("update merchant set settings = '{}'", []),
        ("update seller set name = '{}'", ["seller sel_1"]),
    ],
)
async def test_a_siret_is_no_card_number_where_receipts_are_headed_alone(
    sql: SqliteSql | PostgresSql, change: str, subjects: list[str]
) -> None:
    def write(text: str) -> Job[None]:
        yield put("seller", seller_id="sel_1", name="x")
        yield put("merchant", name="m", currency="EUR", language="fr", settings="{}", created_at=AT)
        yield Query(change.format(text))

    await sql.write(lambda: write("SIRET 443 061 841 00047"))
    assert [one.subject for one in await verify(sql) if one.rule == "card-number"] == subjects


async def test_a_card_number_in_an_exercises_receipt_is_found(sql: SqliteSql | PostgresSql) -> None:
    exercise = receipt("sale", "trn_1", "sta_1", 500)
    line = msgspec.structs.replace(exercise.lines[0], label="card 4111-1111-1111-1111")
    await sql.write(lambda: training.record(M, "sta_1", msgspec.structs.replace(exercise, lines=(line,)), AT))
    assert [(one.rule, one.subject) for one in await verify(sql)] == [("card-number", "training sta_1/1")]


async def test_a_card_number_in_a_kept_answer_is_found(sql: SqliteSql | PostgresSql) -> None:
    answer = msgspec.msgpack.encode({"notice": "card 4111 1111 1111 1111"})

    def write() -> Job[None]:
        yield Query(
            "insert into idempotency (merchant_id, principal, key, body_hash, subject, status, answer, created_at)"
            " values (?, 'acc_1', 'k', ?, 'chk_1', 200, ?, 0)",
            (M, b"h", answer),
        )

    await sql.write(write)
    assert [(finding.rule, finding.subject) for finding in await verify(sql)] == [
        ("card-number", "idempotency acc_1/k")
    ]


@pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111"])
async def test_a_card_number_in_an_answer_kept_for_a_till_is_found(
    sql: SqliteSql | PostgresSql, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On whichever page, and in the reason of a failure, where a blank is `%20`."""
    monkeypatch.setattr(verify_pages, "PAGE", 10)
    reason = f"code=x&message={quote(f'not {number}', safe='')}"
    answer = msgspec.json.encode({"PaymentResponse": {"Response": {"AdditionalResponse": reason}}})

    def write() -> Job[None]:
        for service in range(25):
            yield Query(
                "insert into nexo_message (merchant_id, poi_id, sale_system, service_id, message_id, station_id, "
                "category, body_hash, echo, answer, created_at) values (?, 'poi', 'till', ?, ?, 'sta_1', 'Payment', "
                "?, '{}', ?, 0)",
                (M, f"{service:04}", f"nxm_{service}", b"h", answer if service == 23 else b'{"amount":12.34}'),
            )

    await sql.write(write)
    assert [(one.rule, one.subject, one.message) for one in await verify(sql)] == [
        ("card-number", "nexo_message poi/till/0023", "answer holds 411111******1111")
    ]
