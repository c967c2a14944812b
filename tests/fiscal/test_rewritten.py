"""Books that somebody made anew so that every chain holds, also with the signing key: what does not add up is named."""

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from poi_engine.fiscal import checks
from poi_engine.fiscal.chain import CLOSINGS, EVENTS, JOURNAL, TRAINING, Anchor, Chain, link, origin
from poi_engine.fiscal.checks import Fault
from poi_engine.fiscal.closing_rules import follows
from poi_engine.fiscal.keys import CLOSING, Signer
from poi_engine.fiscal.model import Closing, PayBacks, closing_of
from poi_engine.fiscal.totals import MeansTotal, VatTotal
from poi_engine.storage.sqlite import drive
from tests.engine.shop import STATION, M
from tests.fiscal.test_tampering import tables, whole

__all__ = ["tables", "whole"]
Document = dict[str, Any]
SIGNER = Signer(None)
CHANGED: dict[Chain, Callable[[Document], None]] = {
    JOURNAL: lambda receipt: receipt["lines"][0].update(label="Other"),
    EVENTS: lambda event: event.update(who="somebody"),
    TRAINING: lambda receipt: receipt["lines"][0].update(label="Other"),
}


def rewritten(
    tables: sqlite3.Connection, chain: Chain, change: Callable[[Document], None], *, only: int = 0
) -> list[Fault]:
    """The station's rows changed (all, or one number), linked anew and signed by a key that the books know; what is
    found."""
    where = "where station_id = ? order by number"
    rows = tables.execute(f"select rowid, * from {chain.rows} {where}", (STATION,)).fetchall()
    previous = origin(chain, M, STATION)
    for row in rows:
        document = msgspec.json.decode(row["document"])
        if row["number"] == only or not only:
            change(document)
        content = msgspec.json.encode(document, order="sorted")
        values = {"document": content, "previous": previous, "hash": link(previous, row["number"], content)}
        previous = values["hash"]
        if chain is CLOSINGS:
            values |= _signed(tables, previous)
        sets = ", ".join(f"{name} = ?" for name in values)
        tables.execute(f"update {chain.rows} set {sets} where rowid = ?", (*values.values(), row["rowid"]))
    tables.execute(f"update {chain.head} set hash = ? where station_id = ?", (previous, STATION))
    return drive(checks.faults(), tables)


def _signed(tables: sqlite3.Connection, digest: bytes) -> dict[str, Any]:
    signed = SIGNER.sign(CLOSING + digest)
    tables.execute("delete from fiscal_key where key_id = ?", (signed.key_id,))
    tables.execute("insert into fiscal_key values (?, ?, ?, 0)", (M, signed.key_id, signed.public_key))
    return {"key_id": signed.key_id, "signature": signed.signature}


def days(tables: sqlite3.Connection) -> list[Closing]:
    """The station's closed days."""
    rows = tables.execute("select document from closing where station_id = ? order by number", (STATION,)).fetchall()
    return [one for one in (closing_of(row["document"]) for row in rows) if one.kind == "day"]


def says(faults: list[Fault], words: str) -> bool:
    """Whether one of them says so."""
    return any(words in fault.message for fault in faults)


@pytest.mark.parametrize("chain", CHANGED, ids=lambda chain: chain.name)
def test_a_chain_made_anew_is_not_the_one_that_a_closing_stands_on(tables: sqlite3.Connection, chain: Chain) -> None:
    faults = rewritten(tables, chain, CHANGED[chain])
    assert says(faults, "is not the one that closing")
    assert {fault.subject for fault in faults} == {STATION}


def test_a_closing_that_stands_on_another_origin_is_named(tables: sqlite3.Connection) -> None:
    def begin_elsewhere(closing: Document) -> None:
        closing["training"] = {"number": 0, "hash": "00" * 32}

    assert says(rewritten(tables, CLOSINGS, begin_elsewhere, only=1), "is not the origin that closing 1 stands on")


def test_a_signed_closing_that_does_not_add_up_its_receipts_is_named(tables: sqlite3.Connection) -> None:
    last = days(tables)[-1]

    def another_rate(closing: Document) -> None:
        closing["vat"][0]["rate"] = 2000

    words = f"closing {last.number} does not add up receipts {last.first} to {last.last}"
    assert says(rewritten(tables, CLOSINGS, another_rate, only=last.number), words)


def test_a_signed_closing_that_does_not_add_up_what_was_paid_back_is_named(tables: sqlite3.Connection) -> None:
    last = days(tables)[-1]

    def less(closing: Document) -> None:
        closing["paid_back"]["by"] = []

    words = f"closing {last.number} does not add up what was paid back"
    assert says(rewritten(tables, CLOSINGS, less, only=last.number), words)


def test_signed_closings_that_carry_what_was_never_sold_are_named(tables: sqlite3.Connection) -> None:
    def more(closing: Document) -> None:
        for name in ("carried_sales", "carried_total", "perpetual_sales", "perpetual_total"):
            closing[name] += 5

    assert says(rewritten(tables, CLOSINGS, more), "closing 1 does not carry what the receipts before it add up to")


def test_a_signed_closing_that_breaks_with_those_before_it_is_named(tables: sqlite3.Connection) -> None:
    last = days(tables)[-1]

    def forgetful(closing: Document) -> None:
        closing["perpetual_total"] += 1

    faults = rewritten(tables, CLOSINGS, forgetful, only=last.number)
    assert says(faults, f"closing {last.number} does not go on with the perpetual total")
    assert "closing-totals" in {fault.rule for fault in faults}


def test_an_event_that_tells_of_another_closing_is_named(tables: sqlite3.Connection) -> None:
    """The events after the newest closing are held by none yet."""
    number = tables.execute("select max(number) as n from fiscal_event where station_id = ?", (STATION,)).fetchone()[
        "n"
    ]

    def another(event: Document) -> None:
        assert event["kind"] == "closing"
        event["values"]["hash"] = "00" * 32

    faults = rewritten(tables, EVENTS, another, only=number)
    assert says(faults, f"event {number} tells of closing {days(tables)[-1].number}, which is not there as it was")


def test_a_closing_that_no_event_tells_of_is_named(tables: sqlite3.Connection) -> None:
    rows = tables.execute("select * from fiscal_event where station_id = ? order by number desc", (STATION,)).fetchall()
    tables.execute("delete from fiscal_event where station_id = ? and number = ?", (STATION, rows[0]["number"]))
    head = (rows[1]["number"], rows[1]["hash"], STATION)
    tables.execute("update fiscal_event_head set number = ?, hash = ? where station_id = ?", head)
    assert says(drive(checks.faults(), tables), f"no event tells of closing {days(tables)[-1].number}")


# --- the rules of closings, one by one -----------------------------------------------------------------------------


def closing(kind: Any, period: str, number: int, first: int, last: int, **more: Any) -> Closing:
    """A closing of ten a receipt at one rate, that goes on from ten for each receipt before."""
    amount, carried = 10 * (last - first + 1), 10 * (first - 1)
    anchor = Anchor(number=0, hash="")
    return replace(
        Closing(
            **dict.fromkeys(("station_id", "store_id", "currency", "at", "by", "journal_hash", "fiscal"), ""),
            **{"events": anchor, "merchant_events": anchor, "training": anchor, "in_doubt": (), "means": ()},
            **{"kind": kind, "period": period, "number": number, "first": first, "last": last, "ends": 0},
            **{"sales": last - first + 1, "refunds": 0, "sales_total": amount, "refunds_total": 0, "total": amount},
            **{"carried_sales": carried, "carried_total": carried, "adds_up": more.pop("adds_up", ())},
            **{"perpetual_sales": carried + amount, "perpetual_total": carried + amount},
            vat=(VatTotal(rate=2000, net=amount, vat=0, gross=amount),),
        ),
        **more,
    )


BEFORE = (
    closing("day", "2026-12-30", 1, 1, 2),
    closing("day", "2026-12-31", 2, 3, 5),
    closing("month", "2026-12", 3, 1, 5, adds_up=(1, 2)),
    closing("year", "2026", 4, 1, 5, adds_up=(3,)),
)
DAY = closing("day", "2027-01-01", 5, 6, 7)
MONTH, YEAR = BEFORE[2], BEFORE[3]
BACK = PayBacks(by=(MeansTotal(means="cash", amount=1, count=1),))


@pytest.mark.parametrize("number", range(4), ids=lambda number: BEFORE[number].kind)
def test_closings_that_go_on_from_one_another_are_right(number: int) -> None:
    assert list(follows(BEFORE[number], BEFORE[:number])) == []
    assert list(follows(DAY, BEFORE)) == []


@pytest.mark.parametrize(
    ("made", "before", "words"),
    [
        (replace(DAY, perpetual_sales=71), BEFORE, "does not go on with the perpetual total of sales"),
        (replace(DAY, perpetual_total=71), BEFORE, "does not go on with the perpetual total"),
        (replace(DAY, period="2026-12-31"), BEFORE, "closes 2026-12-31 after 2026-12-31"),
        (replace(DAY, first=7), BEFORE, "begins with receipt 7, not 6"),
        (replace(DAY, carried_sales=51, perpetual_sales=71), BEFORE, "does not carry on what closing 2 came to"),
        (replace(DAY, carried_total=51, perpetual_total=71), BEFORE, "does not carry on what closing 2 came to"),
        (replace(DAY, paid_back=PayBacks(first=2, last=1)), BEFORE, "looks for what was paid back from event 2, not 1"),
        (replace(MONTH, paid_back=BACK), BEFORE[:2], "does not add up what the days of 2026-12 paid back"),
        (replace(YEAR, paid_back=BACK), BEFORE[:3], "does not add up what the months of 2026 paid back"),
        (replace(MONTH, adds_up=(1,)), BEFORE[:2], "does not hold the days of 2026-12"),
        (replace(MONTH, vat=()), BEFORE[:2], "does not add up the days of 2026-12"),
        (replace(MONTH, last=4), BEFORE[:2], "does not reach over the receipts of 2026-12"),
        (replace(MONTH, carried_total=1, perpetual_total=51), BEFORE[:2], "does not carry on what came before it"),
        (replace(YEAR, adds_up=(2,)), BEFORE[:3], "does not hold the months of 2026"),
        (replace(YEAR, sales=4), BEFORE[:3], "does not add up the months of 2026"),
    ],
)
def test_a_closing_that_does_not_go_on_is_told_why(made: Closing, before: tuple[Closing, ...], words: str) -> None:
    assert list(follows(made, before)) == [words]
