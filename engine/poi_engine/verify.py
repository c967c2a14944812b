"""Checks everything that must always be true of the stored money, points, limits, receipts and promises.

What one statement can show is in `verify_rules`; here are the checks that need to read: the journals' hash chains and
their receipts, the outbox, the answers kept for idempotency keys and the limits' caps; the search for card numbers is
in `verify_cards`. Each check runs on one snapshot, in pages, so that it may run beside a selling server; and by
itself, so that `verify_at` gives large books to one process a core.
"""

import asyncio
import gc
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from poi_engine.fiscal import checks
from poi_engine.fiscal.journal import ReceiptLine, receipt_of
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.storage import open_sql
from poi_engine.verify_cards import card_numbers, searched
from poi_engine.verify_finding import MOST, Finding, Rule
from poi_engine.verify_rules import RULES

__all__ = ["CHECKS", "Check", "Finding", "Progress", "verify", "verify_at"]
_PAGE = 500  # rows
_MANY = 20_000  # receipts that are worth a process a core


class Check(NamedTuple):
    """One check: its name, and the job that finds what is wrong."""

    name: str
    job: Callable[[], Job[list[Finding]]]


Progress = Callable[[str, int, int], None]
"""Called with a check's name, its number from 1, and the number of checks; perhaps in another thread."""


def _silent(_name: str, _number: int, _of: int) -> None:
    """No progress shown."""


async def verify(sql: Sql, *, progress: Progress = _silent) -> list[Finding]:
    """Every broken invariant in the storage, found in this process; an empty list when all hold."""
    findings: list[Finding] = []
    for number, check in enumerate(CHECKS, 1):
        progress(check.name, number, len(CHECKS))
        findings += (await sql.read(check.job))[:MOST]
    return findings


async def verify_at(url: str, *, progress: Progress = _silent) -> list[Finding]:
    """Every broken invariant in the storage at `url`; large books are verified by a process a core."""
    sql = open_sql(url)
    try:
        [books] = await sql.read(lambda: _rows("select coalesce(sum(number), 0) as receipts from journal_head"))
        cores = len(os.sched_getaffinity(0))
        if books["receipts"] < _MANY or cores == 1:
            return await verify(sql, progress=progress)
    finally:
        await sql.close()
    return await asyncio.to_thread(_in_processes, url, cores, progress)


def _in_processes(url: str, cores: int, progress: Progress) -> list[Finding]:
    findings: list[Finding] = []
    with ProcessPoolExecutor(cores, get_context("spawn"), _alone) as processes:
        longest_first = [processes.submit(_check, url, number) for number in reversed(range(len(CHECKS)))]
        for number, (check, found) in enumerate(zip(CHECKS, reversed(longest_first), strict=True), 1):
            progress(check.name, number, len(CHECKS))
            findings += found.result()[:MOST]
    return findings


def _alone() -> None:
    """A process for one verification: it ends with the terminal's Ctrl-C, and makes nothing that goes in circles."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()


def _check(url: str, number: int) -> list[Finding]:
    """One check, in a process of its own."""
    return asyncio.run(_check_at(url, CHECKS[number]))


async def _check_at(url: str, check: Check) -> list[Finding]:
    sql = open_sql(url, mapped=True)
    try:
        return await sql.read(check.job)
    finally:
        await sql.close()


def _rows(text: str) -> Job[list[Row]]:
    return (yield Query(text))


def _statement(rule: Rule) -> Job[list[Finding]]:
    rows = yield Query(f"{rule.text} limit {MOST}")
    return [_finding(row, rule.name, find_pan(row["subject"]) or row["subject"], row["message"]) for row in rows]


def _finding(row: Row, rule: str, subject: str, message: str) -> Finding:
    return Finding(merchant_id=row["merchant_id"], rule=rule, subject=subject, message=message)


def _pages(
    table: str, key: Sequence[str], columns: Sequence[str], check: Callable[[Row], Iterator[Finding]]
) -> Job[list[Finding]]:
    """Check every row of a table, page by page in the order of its key."""
    names = ", ".join(dict.fromkeys((*key, *columns)))
    order, marks = ", ".join(key), ", ".join("?" * len(key))
    findings: list[Finding] = []
    after: tuple[Any, ...] = ()
    while True:
        where = f"where ({order}) > ({marks})" if after else ""
        rows = yield Query(f"select {names} from {table} {where} order by {order} limit {_PAGE}", after)
        findings += [finding for row in rows for finding in check(row)]
        if len(rows) < _PAGE or len(findings) > MOST:
            return findings
        after = tuple(rows[-1][name] for name in key)


# --- journals ------------------------------------------------------------------------------------------------------


def _books() -> Job[list[Finding]]:
    """Every chain of the fiscal part holds, from its first row to its head, and they hold one another."""
    return [Finding(**msgspec.structs.asdict(fault)) for fault in (yield from checks.faults())]


_SAME = (
    *("sale_id", "store_id", "station_id", "seller_id", "customer_id"),
    *("currency", "subtotal", "saved", "total", "stored", "refund_of"),
)
_LINE = ReceiptLine.__struct_fields__
_of_receipt, _of_sale = attrgetter(*_SAME), itemgetter(*_SAME)
_of_row = itemgetter(*_LINE)


def receipts_differ() -> Job[list[Finding]]:
    """Each receipt says what its sale says, line by line."""
    findings: list[Finding] = []
    after = ("", "")
    while True:
        sales = yield Query(
            f"select s.merchant_id, {', '.join(f's.{name}' for name in _SAME)}, s.receipt_number, s.local_day,"
            " s.local_hour, s.created_at, j.document, j.kind, j.created_at as written_at"
            " from sale s join journal j"
            " on j.merchant_id = s.merchant_id and j.station_id = s.station_id and j.number = s.receipt_number"
            f" where (s.merchant_id, s.sale_id) > (?, ?) order by s.merchant_id, s.sale_id limit {_PAGE}",
            after,
        )
        if not sales:
            return findings
        until = (sales[-1]["merchant_id"], sales[-1]["sale_id"])
        lines = yield from _lines_of(after, until)
        for sale in sales:
            findings += _receipt_differs(sale, lines[sale["merchant_id"], sale["sale_id"]])
        if len(sales) < _PAGE or len(findings) > MOST:
            return findings
        after = until


def _lines_of(after: tuple[str, str], until: tuple[str, str]) -> Job[dict[tuple[str, str], list[tuple[Any, ...]]]]:
    """The lines of a page of sales, by sale."""
    found: defaultdict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    rows = yield Query(
        f"select merchant_id, sale_id, {', '.join(_LINE)} from sale_line where (merchant_id, sale_id) > (?, ?)"
        " and (merchant_id, sale_id) <= (?, ?)",
        (*after, *until),
    )
    for row in rows:
        found[row["merchant_id"], row["sale_id"]].append(_of_row(row))
    return found


def _receipt_differs(sale: Row, lines: list[tuple[Any, ...]]) -> Iterator[Finding]:
    try:
        receipt = receipt_of(sale["document"])
    except msgspec.DecodeError as error:
        yield _finding(sale, "receipt", sale["sale_id"], f"its receipt cannot be read: {error}")
        return
    differing = []
    if _of_receipt(receipt) != _of_sale(sale):
        differing = [name for name in _SAME if getattr(receipt, name) != sale[name]]
    if receipt.number != sale["receipt_number"]:
        differing.append("number")
    if not receipt.kind == sale["kind"] == ("refund" if sale["refund_of"] else "sale"):
        differing.append("kind")
    local_hour = f"{sale['local_day']}T{sale['local_hour']:02}"
    if sale["created_at"] != sale["written_at"] or receipt.local_minute[:13] != local_hour:
        differing.append("time")
    if sorted(map(astuple, receipt.lines)) != sorted(lines):
        differing.append("lines")
    if sum([part.gross for part in receipt.vat]) != receipt.total:
        differing.append("vat")
    if sum([payment.amount for payment in receipt.payments]) != receipt.total:
        differing.append("payments")
    if differing:
        yield _finding(sale, "receipt", sale["sale_id"], f"its receipt differs in {', '.join(differing)}")


# --- promises ------------------------------------------------------------------------------------------------------


class _Event(Struct):
    sale_id: str = ""


_event_of = msgspec.json.Decoder(_Event).decode


def _outbox() -> Job[list[Finding]]:
    """Each sale and refund has exactly one event that tells of it."""
    told: Counter[tuple[str, str]] = Counter()

    def count(row: Row) -> Iterator[Finding]:
        if row["kind"] in ("sale.committed", "sale.refunded", "refund.committed"):
            told[row["merchant_id"], _event_of(row["document"]).sale_id] += 1
        yield from ()

    yield from _pages("outbox", ("merchant_id", "event_id"), ("kind", "document"), count)

    def covered(row: Row) -> Iterator[Finding]:
        times = told.pop((row["merchant_id"], row["sale_id"]), 0)
        if times != 1:
            yield _finding(row, "outbox", row["sale_id"], f"is told of {times} times in the outbox")

    findings = yield from _pages("sale", ("merchant_id", "sale_id"), (), covered)
    return findings + [
        Finding(merchant_id=m, rule="outbox", subject=sale_id, message="is told of in the outbox but is no sale")
        for m, sale_id in told
    ]


class _Answer(Struct):
    """The part of a kept answer that must agree with the checkout."""

    checkout_id: str | None = None
    sale_id: str | None = None


def _answers() -> Job[list[Finding]]:
    """A kept answer names the sale that its checkout has."""
    kept = (
        "(select i.merchant_id, i.principal, i.key, i.answer, c.checkout_id, c.sale_id from idempotency i"
        " join checkout c on c.merchant_id = i.merchant_id and c.checkout_id = i.subject"
        " where i.answer is not null) kept"
    )
    key, columns = ("merchant_id", "principal", "key"), ("answer", "checkout_id", "sale_id")
    return (yield from _pages(kept, key, columns, _answer_differs))


def _answer_differs(row: Row) -> Iterator[Finding]:
    try:
        answer = msgspec.msgpack.decode(bytes(row["answer"]), type=_Answer)
    except msgspec.DecodeError:
        yield _finding(row, "idempotency-answer", row["key"], "keeps an answer that cannot be read")
        return
    if answer.checkout_id not in (None, row["checkout_id"]) or answer.sale_id not in (None, row["sale_id"]):
        message = f"answers sale {answer.sale_id}, but {row['checkout_id']} made {row['sale_id']}"
        yield _finding(row, "idempotency-answer", row["key"], message)


# --- limits --------------------------------------------------------------------------------------------------------


class _Limit(Struct):
    of: str
    cap: int
    shared: bool = False


class _Limited(Struct):
    campaign_id: str = ""
    limits: list[_Limit] = []


def _caps() -> Job[list[Finding]]:
    """No limit was given more than the highest cap that any version of its offer, or of its campaign's offers, had."""
    caps: dict[tuple[str, str, str], int] = {}

    def learn(row: Row) -> Iterator[Finding]:
        offer = msgspec.json.decode(row["document"], type=_Limited)
        for index, limit in enumerate(offer.limits):
            counted_as = (offer.campaign_id, limit.of) if limit.shared else (row["offer_id"], str(index))
            key = (row["merchant_id"], *counted_as)
            caps[key] = max(limit.cap, caps.get(key, 0))
        yield from ()

    yield from _pages("offer_version", ("merchant_id", "offer_id", "version"), ("document",), learn)

    def within(row: Row) -> Iterator[Finding]:
        if not row["account"].startswith("limit:"):
            return
        owner, which = [*row["account"].split(":"), "", ""][1:3]
        cap = caps.get((row["merchant_id"], owner, which), 0)
        if row["credits"] - row["debits"] > cap:
            message = f"has {row['credits'] - row['debits']} left, above the cap of {cap}"
            yield _finding(row, "limit-cap", row["account"], message)

    return (yield from _pages("account", ("merchant_id", "account"), ("credits", "debits"), within))


CHECKS = (
    *(Check(rule.name, partial(_statement, rule)) for rule in RULES),
    Check("idempotency-answer", _answers),
    Check("limit-cap", _caps),
    Check("outbox", _outbox),
    *(Check(f"card-number {table}", partial(card_numbers, table)) for table in searched()),
    Check("fiscal-chains", _books),
    Check("receipt", receipts_differ),
)
"""Every check; those that take longest come last."""
