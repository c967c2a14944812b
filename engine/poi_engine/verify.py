"""Checks everything that must always be true of the stored money, points, limits, receipts and promises.

What one statement can show is in `verify_rules`; here are the checks that need to read: the journals' hash chains and
their receipts, the outbox, the answers kept for idempotency keys, the limits' caps, and the search for card numbers.
All of it runs on one snapshot, in pages, so that it may run beside a selling server.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import Struct

from poi_engine.fiscal import checks, journal
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.storage.schema import metadata
from poi_engine.verify_rules import RULES, Rule

_PAGE = 500  # rows
_MOST = 1_000  # findings a rule


class Finding(Struct, frozen=True, kw_only=True):
    """One broken invariant: the rule's stable name, the id of what breaks it, and a sentence."""

    merchant_id: str
    rule: str
    subject: str
    message: str


Progress = Callable[[str, int, int], None]
"""Called with a check's name, its number from 1, and the number of checks; in the reader's thread."""


def _silent(_name: str, _number: int, _of: int) -> None:
    """No progress shown."""


async def verify(sql: Sql, *, progress: Progress = _silent) -> list[Finding]:
    """Every broken invariant in the storage; an empty list when all hold."""
    return await sql.read(lambda: _verify(progress))


def _verify(progress: Progress) -> Job[list[Finding]]:
    checks = [(rule.name, _statement(rule)) for rule in RULES] + [(name, check()) for name, check in _CHECKS]
    findings: list[Finding] = []
    for number, (name, job) in enumerate(checks, 1):
        progress(name, number, len(checks))
        findings += (yield from job)[:_MOST]
    return findings


def _statement(rule: Rule) -> Job[list[Finding]]:
    rows = yield Query(f"{rule.text} limit {_MOST}")
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
        if len(rows) < _PAGE or len(findings) > _MOST:
            return findings
        after = tuple(rows[-1][name] for name in key)


# --- journals ------------------------------------------------------------------------------------------------------


def _books() -> Job[list[Finding]]:
    """Every chain of the fiscal part holds, from its first row to its head, and they hold one another."""
    return [Finding(**msgspec.structs.asdict(fault)) for fault in (yield from checks.faults())]


_LINE = ("line_id", "label", "quantity", "unit", "unit_price", "vat_rate", "amount", "saved", "total", "code")
_SAME = ("sale_id", "station_id", "refund_of", "currency", "subtotal", "saved", "total", "customer_id")
_of_sale, _of_receipt = itemgetter(*_SAME), attrgetter(*_SAME)
_of_row, _of_line = itemgetter(*_LINE), attrgetter(*_LINE)


def receipts_differ() -> Job[list[Finding]]:
    """Each receipt says what its sale says, line by line."""
    findings: list[Finding] = []
    after = ("", "")
    while True:
        sales = yield Query(
            "select s.merchant_id, s.sale_id, s.station_id, s.receipt_number, s.refund_of, s.currency, s.subtotal,"
            " s.saved, s.total, s.customer_id, s.created_at, j.document, j.kind, j.created_at as written_at"
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
        if len(sales) < _PAGE or len(findings) > _MOST:
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
        receipt = journal.receipt_of(bytes(sale["document"]))
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
    if sale["created_at"] != sale["written_at"]:
        differing.append("time")
    if sorted(map(_of_line, receipt.lines)) != sorted(lines):
        differing.append("lines")
    if sum(part.gross for part in receipt.vat) != receipt.total:
        differing.append("vat")
    if sum(payment.amount for payment in receipt.payments) != receipt.total:
        differing.append("payments")
    if differing:
        yield _finding(sale, "receipt", sale["sale_id"], f"its receipt differs in {', '.join(differing)}")


# --- promises ------------------------------------------------------------------------------------------------------


class _Event(Struct):
    sale_id: str = ""


def _outbox() -> Job[list[Finding]]:
    """Each sale and refund has exactly one event that tells of it."""
    told: Counter[tuple[str, str]] = Counter()

    def count(row: Row) -> Iterator[Finding]:
        if row["kind"] in ("sale.committed", "sale.refunded", "refund.committed"):
            told[row["merchant_id"], msgspec.json.decode(row["document"], type=_Event).sale_id] += 1
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


# --- card numbers --------------------------------------------------------------------------------------------------


_WRITTEN = {"journal": ("document",), "idempotency": ("answer",)}
"""Columns of bytes that hold texts."""
_DERIVED = ("rollup", "newcomer")
"""Tables that hold no text but what other rules prove to be the sales' own."""


def _card_numbers() -> Job[list[Finding]]:
    """No text or document of any table holds what looks like a card number."""
    findings: list[Finding] = []
    for table in metadata.sorted_tables:
        if table.name in _DERIVED:
            continue
        key = [column.name for column in table.primary_key]
        texts = [column.name for column in table.columns if str(column.type) == "TEXT"]
        texts += _WRITTEN.get(table.name, ())
        findings += yield from _pages(table.name, key, texts, _searcher(table.name, key, texts))
    return findings


def _searcher(table: str, key: Sequence[str], texts: Sequence[str]) -> Callable[[Row], Iterator[Finding]]:
    def search(row: Row) -> Iterator[Finding]:
        written = [_text(row[name]) for name in texts]
        if find_pan("\n".join(written)) is None:  # no number goes on over a line's end, so one search does for all
            return
        for name, text in zip(texts, written, strict=True):
            found = find_pan(text)
            if found is not None:
                identifier = "/".join(str(row[part]) for part in key[1:] if part != name)
                yield _finding(row, "card-number", f"{table} {identifier}".strip(), f"{name} holds {found}")

    return search


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else bytes(value or b"").decode(errors="replace")


_CHECKS: tuple[tuple[str, Callable[[], Job[list[Finding]]]], ...] = (
    ("fiscal-chains", _books),
    ("receipt", receipts_differ),
    ("outbox", _outbox),
    ("idempotency-answer", _answers),
    ("limit-cap", _caps),
    ("card-number", _card_numbers),
)
