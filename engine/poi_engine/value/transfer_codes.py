"""The code on the screen that a customer's banking app reads: EPC069-12 or EMV merchant-presented. Pure."""

from decimal import Decimal
from typing import Literal, get_args
from unicodedata import normalize

from poi_engine.errors import RequestError
from poi_engine.value.bank import AwaitedTransfer
from poi_engine.value.rules import BankAccount
from poi_qr.payloads import emv_mpm, epc

Kind = Literal["epc", "emv"]
_NAME = 25
_NUMBERS = {"EUR": "978", "USD": "840", "GBP": "826", "CHF": "756", "SGD": "702", "THB": "764", "INR": "356"}
_NUMBERS |= {"BRL": "986", "VND": "704", "MYR": "458", "IDR": "360", "PHP": "608", "HKD": "344", "XOF": "952"}


def kinds_of(account: BankAccount, currency: str) -> tuple[Kind, ...]:
    """The codes that there are for this account in a currency, the one to show first in front."""
    there = {"epc": bool(account.iban) and currency == "EUR", "emv": account.emv is not None and currency in _NUMBERS}
    return tuple(kind for kind in get_args(Kind) if there[kind])


def code_text(kind: Kind, asked: AwaitedTransfer, digits: int) -> str:
    """The code's text; `digits`: the decimals of the currency."""
    return _epc(asked) if kind == "epc" else _emv(asked, digits)


def _epc(asked: AwaitedTransfer) -> str:
    if not asked.account.iban:
        raise RequestError("transfer-not-set-up", "No IBAN is set up for this merchant.", path="$.kind")
    if asked.awaited.currency != "EUR":
        raise RequestError("epc-euro-only", "An EPC code is for euros; use `kind=emv`.", path="$.kind")
    return epc.encode(
        epc.CreditTransfer(
            bic=asked.account.bic,
            name=asked.name,
            iban=asked.account.iban,
            amount_minor=asked.awaited.amount,
            purpose="",
            reference=asked.awaited.reference,
            text="",
        )
    )


def _emv(asked: AwaitedTransfer, digits: int) -> str:
    emv, awaited = asked.account.emv, asked.awaited
    if emv is None:
        raise RequestError("emv-not-set-up", "No scheme of EMV codes is set up for this merchant.", path="$.kind")
    number = _NUMBERS.get(awaited.currency)
    if number is None:
        raise RequestError("emv-currency", f"No EMV code is made in {awaited.currency}.", path="$.kind")
    values = {
        "01": "12",  # for one sale
        "52": emv.category,
        "53": number,
        "54": str(Decimal(awaited.amount).scaleb(-digits)),
        "58": emv.country,
        "59": _plain(asked.name),
        "60": emv.city,
    }
    templates = {str(emv.tag): {"00": emv.guid, "01": emv.account}, "62": {"05": awaited.reference}}
    return emv_mpm.encode(values, templates)


def _plain(name: str) -> str:
    """The name in the letters that the code allows."""
    letters = normalize("NFKD", name).encode("ascii", "ignore").decode()
    return letters.strip()[:_NAME].strip() or "-"
