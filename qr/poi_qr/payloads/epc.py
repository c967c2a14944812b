"""EPC credit-transfer codes (EPC069-12): lines of text that start with BCD. They name a payee; they prove nothing."""

import re
from dataclasses import dataclass
from decimal import Decimal

from stdnum import iban

from poi_qr.errors import PayloadError
from poi_qr.payloads.model import Payload, facts

PREFIX = re.compile(rb"BCD\r?\n")
_CHARSETS = dict(
    zip(
        "12345678",
        ("utf-8", "iso8859-1", "iso8859-2", "iso8859-4", "iso8859-5", "iso8859-7", "iso8859-10", "iso8859-15"),
        strict=True,
    )
)
_AMOUNT = re.compile(r"EUR(\d{1,9}(?:\.\d{1,2})?)", re.ASCII)
_MAX_BYTES = 331


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """A parsed EPC code; `amount_minor` is in euro cents, None when the payer fills it in."""

    bic: str
    name: str
    iban: str
    amount_minor: int | None
    purpose: str
    reference: str
    text: str


def parse(data: bytes) -> CreditTransfer:
    """Take the lines apart, in the character set that the code itself names."""
    if len(data) > _MAX_BYTES:
        raise PayloadError("bad-epc-code", f"the code holds more than {_MAX_BYTES} bytes")
    lines = _lines(data)
    if lines[1] not in ("001", "002") or lines[3] != "SCT":
        raise PayloadError("bad-epc-code", "line 2 must be 001 or 002 and line 4 SCT")
    if not lines[5] or len(lines[5]) > 70:
        raise PayloadError("bad-epc-code", "line 6, the payee's name, must have 1 to 70 characters")
    if lines[9] and lines[10]:
        raise PayloadError("bad-epc-code", "lines 10 and 11: a reference and a text exclude each other")
    return CreditTransfer(
        bic=_bic(lines[4], lines[1]),
        name=lines[5],
        iban=_iban(lines[6]),
        amount_minor=_amount(lines[7]),
        purpose=lines[8],
        reference=lines[9],
        text=lines[10],
    )


def encode(transfer: CreditTransfer) -> str:
    """The code's text, version 002 in UTF-8; what it says is read back before it is given out."""
    minor = transfer.amount_minor
    amount = "" if minor is None else f"EUR{minor // 100}.{minor % 100:02}"
    lines = ("BCD", "002", "1", "SCT", transfer.bic, transfer.name, transfer.iban, amount, transfer.purpose)
    text = "\n".join((*lines, transfer.reference, transfer.text)).rstrip("\n")
    if parse(text.encode()) != transfer:
        raise PayloadError("bad-epc-code", "a field holds what the code cannot carry")
    return text


def classify(data: bytes) -> Payload:
    """The payload of a credit-transfer code; its subject is the payee's IBAN."""
    found = parse(data)
    amount = None if found.amount_minor is None else str(found.amount_minor)
    evidence = facts(bic=found.bic, payee=found.name, amount_minor=amount, purpose=found.purpose)
    return Payload("epc", found.iban, "identify", (*evidence, *facts(reference=found.reference, text=found.text)))


def _lines(data: bytes) -> list[str]:
    raw = data.replace(b"\r\n", b"\n").split(b"\n")
    charset = _CHARSETS.get(raw[2].decode("ascii", "replace")) if len(raw) > 2 else None
    if charset is None:
        raise PayloadError("bad-epc-code", "line 3 must be a character set from 1 to 8")
    try:
        lines = [line.decode(charset) for line in raw]
    except UnicodeDecodeError as error:
        raise PayloadError("bad-epc-code", "the text does not fit the character set of line 3") from error
    if not 7 <= len(lines) <= 13 or any(lines[12:]):
        raise PayloadError("bad-epc-code", f"the code has {len(lines)} lines; it needs 7 to 12")
    return lines + [""] * (13 - len(lines))


def _bic(text: str, version: str) -> str:
    if re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", text) or (not text and version == "002"):
        return text
    raise PayloadError("bad-epc-code", "line 5 is not a BIC (it may be empty in version 002 only)")


def _iban(text: str) -> str:
    if not (text.isascii() and iban.is_valid(text, check_country=False)):
        raise PayloadError("bad-epc-code", "line 7 is not a valid IBAN")
    return str(iban.compact(text))


def _amount(text: str) -> int | None:
    if not text:
        return None
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise PayloadError("bad-epc-code", "line 8 must be EUR and an amount such as EUR12.50")
    minor = int(Decimal(match[1]) * 100)
    if minor < 1:
        raise PayloadError("bad-epc-code", "line 8: the amount must be at least EUR0.01")
    return minor
