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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, starmap
from multiprocessing import get_context
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from poi_engine.fiscal import checks
from poi_engine.fiscal.journal import Receipt, ReceiptLine, receipt_of
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.storage import open_sql
from poi_engine.verify_cards import card_numbers, searched
from poi_engine.verify_finding import MOST, Finding, Rule
from poi_engine.verify_pages import PAGE, Values, pages, tuples
from poi_engine.verify_rules import RULES, STRAY_JOURNAL

__all__ = ["CHECKS", "Check", "Finding", "Progress", "verify", "verify_at"]
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
        findings += _most(await sql.read(check.job))
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
            findings += _most(found.result())
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
    rows = yield Query(f"{rule.text} limit {rule.most}")
    return [
        _finding(
            row["merchant_id"], row.get("rule", rule.name), find_pan(row["subject"]) or row["subject"], row["message"]
        )
        for row in rows
    ]


def _finding(m: str, rule: str, subject: str, message: str) -> Finding:
    return Finding(merchant_id=m, rule=rule, subject=subject, message=message)


def _most(findings: Iterable[Finding]) -> list[Finding]:
    """The first of each rule."""
    times: Counter[str] = Counter()
    found = []
    for finding in findings:
        times[finding.rule] += 1
        if times[finding.rule] <= MOST:
            found.append(finding)
    return found


# --- journals ------------------------------------------------------------------------------------------------------


def _books() -> Job[list[Finding]]:
    """Every chain of the fiscal part holds, from its first row to its head, and they hold one another."""
    return [Finding(**msgspec.structs.asdict(fault)) for fault in (yield from checks.faults())]


_SAME = (
    *("sale_id", "store_id", "station_id", "seller_id", "customer_id"),
    *("currency", "subtotal", "saved", "total", "stored", "refund_of"),
)
_NAMES = (*_SAME, "number")
_LINE = ReceiptLine.__struct_fields__
_of_receipt = attrgetter(*_NAMES)
_SALES = (
    f"select s.merchant_id, {', '.join(f's.{name}' for name in _SAME)}, s.receipt_number, s.local_day, s.local_hour,"
    " s.created_at, j.sale_id, j.document, j.kind, j.created_at from sale s left join journal j"
    " on j.merchant_id = s.merchant_id and j.station_id = s.station_id and j.number = s.receipt_number"
    f" where (s.merchant_id, s.sale_id) > (?, ?) order by s.merchant_id, s.sale_id limit {PAGE}"
)
_LINES = (
    f"select merchant_id, sale_id, {', '.join(_LINE)} from sale_line where (merchant_id, sale_id) > (?, ?)"
    " and (merchant_id, sale_id) <= (?, ?)"
)


def _receipts() -> Job[list[Finding]]:
    """Each sale has its receipt in the journal, and that says what its sale says, line by line; no receipt is left."""
    findings: list[Finding] = []
    recorded = 0
    after: Values = ("", "")
    while sales := (yield from tuples(_SALES, after)):
        until = sales[-1][:2]
        lines = defaultdict(list)
        for line in (yield from tuples(_LINES, (*after, *until))):
            lines[line[:2]].append(line[2:])
        if found := [finding for sale in sales for finding in _receipt_differs(sale, lines[sale[:2]])]:
            findings = _most(findings + found)
        recorded += sum([sale[1] == sale[-4] for sale in sales])
        after = until
    [(receipts,)] = yield from tuples("select count(*) from journal")
    return findings if receipts == recorded else findings + (yield from _statement(STRAY_JOURNAL))


def _receipt_differs(sale: Values, lines: list[Values]) -> Iterator[Finding]:
    m, sale_id = sale[:2]
    *_, recorded, document, kind, written_at = sale
    if recorded != sale_id:
        yield _finding(m, "sale-journal", sale_id, "stands 0 times in the journal at its receipt number")
    if recorded is None:
        return
    try:
        differing = _differing(receipt_of(document), kind, written_at, sale, lines)
    except msgspec.DecodeError as error:
        yield _finding(m, "receipt", sale_id, f"its receipt cannot be read: {error}")
        return
    if differing:
        yield _finding(m, "receipt", sale_id, f"its receipt differs in {', '.join(differing)}")


def _differing(receipt: Receipt, kind: str, written_at: int, sale: Values, lines: list[Values]) -> list[str]:
    said, (refund_of, _, local_day, local_hour, created_at) = sale[1:13], sale[11:16]
    differing = []
    if (told := _of_receipt(receipt)) != said:
        differing = [name for name, one, other in zip(_NAMES, told, said, strict=True) if one != other]
    if not receipt.kind == kind == ("refund" if refund_of else "sale"):
        differing.append("kind")
    if created_at != written_at or receipt.local_minute[:13] != f"{local_day}T{local_hour:02}":
        differing.append("time")
    articles = [astuple(line) for line in receipt.lines]
    if articles != lines and sorted(articles) != sorted(lines):
        differing.append("lines")
    if sum([part.gross for part in receipt.vat]) != receipt.total:
        differing.append("vat")
    if sum([payment.amount for payment in receipt.payments]) != receipt.total:
        differing.append("payments")
    return differing


# --- promises ------------------------------------------------------------------------------------------------------


class _Event(Struct):
    sale_id: str = ""


_event_of = msgspec.json.Decoder(_Event).decode
_OF_SALES = ("sale.committed", "sale.refunded", "refund.committed")


def _outbox() -> Job[list[Finding]]:
    """Each sale and refund has exactly one event that tells of it."""
    told: defaultdict[Values, int] = defaultdict(int)

    def count(rows: list[Values]) -> Iterator[Finding]:
        for m, event_id, kind, document in rows:
            if kind in _OF_SALES:
                try:
                    told[m, _event_of(document).sale_id] += 1
                except msgspec.DecodeError as error:
                    yield _finding(m, "outbox", event_id, f"cannot be read: {error}")

    findings = yield from pages("outbox", ("merchant_id", "event_id"), ("kind", "document"), count)

    def covered(sales: list[Values]) -> Iterator[Finding]:
        for sale in sales:
            if (times := told.pop(sale, 0)) != 1:
                yield _finding(sale[0], "outbox", sale[1], f"is told of {times} times in the outbox")

    findings += yield from pages("sale", ("merchant_id", "sale_id"), (), covered)
    return findings + [_finding(m, "outbox", sale_id, "is told of in the outbox but is no sale") for m, sale_id in told]


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
    return (yield from pages(kept, key, columns, lambda rows: chain.from_iterable(starmap(_answer_differs, rows))))


def _answer_differs(
    m: str, _principal: str, key: str, kept: bytes, checkout_id: str, sale_id: str | None
) -> Iterator[Finding]:
    try:
        answer = msgspec.msgpack.decode(kept, type=_Answer)
    except msgspec.DecodeError:
        yield _finding(m, "idempotency-answer", key, "keeps an answer that cannot be read")
        return
    if answer.checkout_id not in (None, checkout_id) or answer.sale_id not in (None, sale_id):
        message = f"answers sale {answer.sale_id}, but {checkout_id} made {sale_id}"
        yield _finding(m, "idempotency-answer", key, message)


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

    def learn(rows: list[Values]) -> Iterator[Finding]:
        for m, offer_id, version, document in rows:
            try:
                offer = msgspec.json.decode(document, type=_Limited)
            except msgspec.DecodeError as error:
                yield _finding(m, "limit-cap", offer_id, f"version {version} cannot be read: {error}")
                continue
            for index, limit in enumerate(offer.limits):
                counted_as = (offer.campaign_id, limit.of) if limit.shared else (offer_id, str(index))
                caps[m, *counted_as] = max(limit.cap, caps.get((m, *counted_as), 0))

    unread = yield from pages("offer_version", ("merchant_id", "offer_id", "version"), ("document",), learn)

    def within(rows: list[Values]) -> Iterator[Finding]:
        for m, account, _, credited, debited in rows:
            owner, which = [*account.split(":"), "", ""][1:3]
            left = credited - debited
            if account.startswith("limit:") and left > (cap := caps.get((m, owner, which), 0)):
                yield _finding(m, "limit-cap", account, f"has {left} left, above the cap of {cap}")

    return unread + (yield from pages("account", ("merchant_id", "account", "part"), ("credits", "debits"), within))


CHECKS = (
    *(Check(rule.name, partial(_statement, rule)) for rule in RULES),
    Check("idempotency-answer", _answers),
    Check("limit-cap", _caps),
    Check("outbox", _outbox),
    *(Check(f"card-number {table}", partial(card_numbers, table)) for table in searched()),
    Check("fiscal-chains", _books),
    Check("receipt", _receipts),
)
"""Every check; those that take longest come last."""
