"""What a bank's file says came in: camt.053 and camt.054 (ISO 20022, XML) and a plain CSV. Pure, and suspicious.

Only booked credits count; debits, pending entries and reversals are skipped. A file with a document type declaration is
refused: no statement has one, and entities are how an XML file grows without end.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET
from xml.parsers import expat

from poi_engine.errors import RequestError
from poi_engine.value.bank_rows import MAX_AMOUNT, Credit

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 40
MAX_ENTRIES = 100_000
MAX_PARTS = 200_000
"""Elements of one entry, which is held in memory as a whole."""
COLUMNS = ("credit_id", "amount", "currency", "booked_on", "reference")
Digits = Callable[[str], int]
"""How many decimals a currency has."""
_MOST = 56
"""Letters of an entry's name: its transfers are numbered behind it."""
_REPORTS = {("Document", "BkToCstmrStmt", "Stmt"), ("Document", "BkToCstmrDbtCdtNtfctn", "Ntfctn")}
_REPORT_ID, _IBAN = ("Id",), ("Acct", "Id", "IBAN")
_MOST_TOLD = 200
_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,5})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def read_statement(content: bytes, digits: Digits, iban: str = "") -> list[Credit]:
    """The credits of a file. `iban`: the account they must be on, if it is known. `RequestError` says what is wrong."""
    if len(content) > MAX_BYTES:
        raise RequestError("statement-too-large", f"A statement has at most {MAX_BYTES} bytes; split it.")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _camt(content, digits, iban)
    return _bounded(list(_csv(content, digits)))


def _bounded(credits: list[Credit]) -> list[Credit]:
    if len(credits) > MAX_ENTRIES:
        raise RequestError("statement-too-large", f"A statement has at most {MAX_ENTRIES} entries; split it.")
    return credits


# --- camt ----------------------------------------------------------------------------------------------------------


class _Camt:
    """Reads entry by entry, by names without their namespace: what surrounds an entry is not kept."""

    def __init__(self, digits: Digits, iban: str) -> None:
        self.credits: list[Credit] = []
        self.reports = 0
        self._digits = digits
        self._iban = iban
        self._path: list[str] = []
        self._texts = {_REPORT_ID: "", _IBAN: ""}
        self._entry: ET.TreeBuilder | None = None
        self._parts = 0

    def read(self, content: bytes) -> None:
        """Read it all; `credits` has what it tells."""
        parser = expat.ParserCreate(namespace_separator="}")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = _no_doctype
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            message = f"The file is not well-formed XML: line {error.lineno}, column {error.offset}."
            raise RequestError("bad-statement", message) from error
        except (LookupError, ValueError) as error:
            raise RequestError("bad-statement", "The file is in an encoding that cannot be read; use UTF-8.") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        path.append(name.rpartition("}")[2])
        if len(path) > MAX_DEPTH:
            raise RequestError("bad-statement", f"The file nests deeper than {MAX_DEPTH} elements.")
        if len(path) == 3 and tuple(path) in _REPORTS:
            self.reports += 1
            self._texts = dict.fromkeys(self._texts, "")
        if len(path) == 4 and path[3] == "Ntry" and tuple(path[:3]) in _REPORTS:
            self._entry, self._parts = ET.TreeBuilder(), 0
        if self._entry is not None:
            self._parts += 1
            if self._parts > MAX_PARTS:
                raise RequestError("statement-too-large", f"An entry has at most {MAX_PARTS} parts; have it split.")
            self._entry.start(path[-1], attributes)

    def _data(self, text: str) -> None:
        if self._entry is not None:
            self._entry.data(text)
        elif (about := tuple(self._path[3:])) in self._texts:
            self._texts[about] = (self._texts[about] + text)[:_MOST_TOLD]

    def _end(self, _name: str) -> None:
        if self._entry is not None:
            self._entry.end(self._path[-1])
            if len(self._path) == 4:
                self._take(self._entry.close())
                self._entry = None
        elif tuple(self._path[3:]) == _IBAN:
            self._must_be_ours(self._texts[_IBAN].replace(" ", ""))
        self._path.pop()

    def _take(self, entry: ET.Element) -> None:
        self.credits += _entry(entry, self._texts[_REPORT_ID].strip(), self._digits)
        _bounded(self.credits)

    def _must_be_ours(self, theirs: str) -> None:
        if self._iban and theirs and theirs != self._iban:
            raise RequestError("other-account", f"The statement is of the account ...{theirs[-4:]}, not of yours.")


def _no_doctype(*_: object) -> None:
    raise RequestError("bad-statement", "The file has a document type declaration; a bank's statement has none.")


def _camt(content: bytes, digits: Digits, iban: str) -> list[Credit]:
    read = _Camt(digits, iban)
    read.read(content)
    if not read.reports:
        raise RequestError("bad-statement", "This is neither a camt.053 nor a camt.054 file.")
    return read.credits


def _entry(entry: ET.Element, report_id: str, digits: Digits) -> Iterator[Credit]:
    state = entry.findtext("./Sts/Cd") or entry.findtext("./Sts") or ""
    reversal = entry.findtext("./RvslInd", "false") in ("true", "1")
    if entry.findtext("./CdtDbtInd") != "CRDT" or state.strip() != "BOOK" or reversal:
        return
    booked, own = _day(entry.find("./BookgDt")), _own_reference(entry, report_id)
    details = entry.findall("./NtryDtls/TxDtls")
    if len(details) <= 1:
        yield _credit(own, entry.find("./Amt"), booked, details[0] if details else entry, digits)
        return
    for number, detail in enumerate(details, 1):
        if detail.findtext("./CdtDbtInd", "CRDT") != "CRDT":
            continue
        amount = detail.find("./Amt")
        amount = detail.find("./AmtDtls/TxAmt/Amt") if amount is None else amount
        mine = detail.findtext("./Refs/AcctSvcrRef", "").strip()
        yield _credit(mine if mine and mine != own else f"{own}/{number}", amount, booked, detail, digits)


def _own_reference(entry: ET.Element, report_id: str) -> str:
    """What names the entry for good; the entries' own numbers often begin anew in each report."""
    for path in ("./AcctSvcrRef", "./NtryDtls/TxDtls/Refs/AcctSvcrRef"):
        found = entry.findtext(path, "").strip()
        if found:
            return found
    number = entry.findtext("./NtryRef", "").strip()
    if number and report_id:
        name = f"{report_id}:{number}"
        return name if len(name) <= _MOST else hashlib.sha256(name.encode()).hexdigest()[:_MOST]
    raise RequestError(
        "bad-statement", "An entry has no reference of the bank's (AcctSvcrRef): it cannot be told apart."
    )


def _credit(credit_id: str, amount: ET.Element | None, booked: datetime, told: ET.Element, digits: Digits) -> Credit:
    if amount is None:
        raise RequestError("bad-statement", f"The entry {credit_id[:64]!r} has no amount.")
    currency = amount.get("Ccy", "")
    structured = [one.text or "" for one in told.iterfind(".//RmtInf/Strd/CdtrRefInf/Ref")]
    free = [one.text or "" for one in told.iterfind(".//RmtInf/Ustrd")]
    return Credit(
        credit_id=credit_id[:64],
        amount=_minor(amount.text or "", currency, digits, credit_id),
        currency=currency,
        booked_at=booked,
        reference=" ".join([*structured, *free, told.findtext("./Refs/EndToEndId", "")]).strip()[:1000],
    )


def _day(booking: ET.Element | None) -> datetime:
    text = "" if booking is None else booking.findtext("./Dt") or booking.findtext("./DtTm") or ""
    return _date(text.strip()[:10])


def _date(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise RequestError("bad-statement", f"{text[:20]!r} is no booking date such as 2026-11-22.") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _minor(text: str, currency: str, digits: Digits, credit_id: str) -> int:
    """The amount in minor units, exactly."""
    if _AMOUNT.fullmatch(text.strip()) and _CURRENCY.fullmatch(currency):
        amount = Decimal(text.strip()).scaleb(digits(currency))
        if amount == int(amount) and 1 <= amount <= MAX_AMOUNT:
            return int(amount)
    message = f"The entry {credit_id[:64]!r} has no amount that can be booked: {text[:30]!r} {currency[:3]!r}."
    raise RequestError("bad-statement", message)


# --- CSV -----------------------------------------------------------------------------------------------------------


def _csv(content: bytes, digits: Digits) -> Iterator[Credit]:
    """A header with the names of `COLUMNS`, and a credit a line; amounts such as 12.50."""
    try:
        text = content.decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        missing = set(COLUMNS) - set(rows.fieldnames or ())
        if missing:
            raise RequestError("bad-statement", f"The first line lacks {', '.join(sorted(missing))}.")
        for row in rows:
            yield _row(row, digits, rows.line_num)
    except UnicodeDecodeError:
        raise RequestError("bad-statement", "The file is neither XML nor UTF-8 text.") from None
    except csv.Error as error:
        raise RequestError("bad-statement", f"The CSV cannot be read: {error}.") from None


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return ";" if head.count(";") > head.count(",") else ","


def _row(row: Mapping[str, str | None], digits: Digits, line: int) -> Credit:
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not (1 <= len(told["credit_id"]) <= 64 and told["credit_id"].isprintable()):
        raise RequestError("bad-statement", f"Line {line}: a credit_id has 1 to 64 characters that can be printed.")
    amount, currency = told["amount"].replace(",", "."), told["currency"]
    decimals = len(amount.partition(".")[2])
    if _CURRENCY.fullmatch(currency) and decimals > digits(currency):  # it may be thousands
        message = f"Line {line}: {told['amount'][:30]!r} has {decimals} decimals, more than {currency} has."
        raise RequestError("bad-statement", message)
    return Credit(
        credit_id=told["credit_id"],
        amount=_minor(amount, currency, digits, told["credit_id"]),
        currency=told["currency"],
        booked_at=_date(told["booked_on"]),
        reference=told["reference"][:1000],
    )
