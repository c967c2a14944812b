"""A receipt as text of 42 columns, in French or English, from what the journal holds."""

from datetime import datetime
from textwrap import wrap
from typing import Literal

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_precision

from poi_engine.fiscal.journal import Receipt, ReceiptLine, ReceiptPayment
from poi_engine.issuer import Issuer

WIDTH = 42
SEAL = 12
"""Hex digits of the hash that a receipt shows."""
Language = Literal["fr", "en"]
_LOCALES: dict[Language, str] = {"fr": "fr_FR", "en": "en_GB"}

WORDS: dict[Language, dict[str, str]] = {
    "fr": {
        "sale": "Ticket",
        "refund": "Remboursement",
        "of": "de la vente",
        "subtotal": "Sous-total",
        "saved": "Vos remises",
        "total": "TOTAL TTC",
        "vat": "TVA",
        "net": "HT",
        "card": "Carte",
        "cash": "Espèces",
        "wallet": "Cagnotte",
        "till": "Réglé à la caisse",
        "gift_card": "Carte cadeau",
        "meal_voucher": "Titre-restaurant",
        "transfer": "Virement",
        "tab": "Ardoise",
        "given": "Reçu",
        "change": "Rendu",
        "risk": "au risque du commerçant",
        "none": "Rien à payer",
        "earned": "Points gagnés",
        "spent": "Points utilisés",
        "points_owed": "Points à rendre",
        "value": "Cagnotte créditée",
        "value_owed": "Cagnotte à rendre",
        "customer": "Client",
        "training": "ÉCOLE - SANS VALEUR",
        "duplicate": "DUPLICATA",
        "software": "Logiciel fiscal",
        "seal": "Empreinte",
        "station": "Caisse :",
        "vat_number": "N° TVA",
    },
    "en": {
        "sale": "Receipt",
        "refund": "Refund",
        "of": "of sale",
        "subtotal": "Subtotal",
        "saved": "You saved",
        "total": "TOTAL incl. VAT",
        "vat": "VAT",
        "net": "net",
        "card": "Card",
        "cash": "Cash",
        "wallet": "Wallet",
        "till": "Paid at the till",
        "gift_card": "Gift card",
        "meal_voucher": "Meal voucher",
        "transfer": "Bank transfer",
        "tab": "Tab",
        "given": "Given",
        "change": "Change",
        "risk": "at the merchant's risk",
        "none": "Nothing to pay",
        "earned": "Points earned",
        "spent": "Points spent",
        "points_owed": "Points owed",
        "value": "Store credit given",
        "value_owed": "Store credit owed",
        "customer": "Customer",
        "training": "TRAINING - NO VALUE",
        "duplicate": "DUPLICATE",
        "software": "Fiscal part",
        "seal": "Seal",
        "station": "Till:",
        "vat_number": "VAT no.",
    },
}


def receipt_text(receipt: Receipt, issuer: Issuer, language: Language, *, seal: str = "", duplicate: int = 0) -> str:
    """The receipt; amounts as the language writes the receipt's currency.

    `seal`: its hash in the journal, in hex; `duplicate`: the how-manieth one this is, 0 on the first print.
    """
    return "\n".join(_Printer(receipt, issuer, language, seal, duplicate).lines()) + "\n"


class _Printer:
    def __init__(self, receipt: Receipt, issuer: Issuer, language: Language, seal: str, duplicate: int) -> None:
        self._seal = seal
        self._duplicate = duplicate
        self._receipt = receipt
        self._issuer = issuer
        self._language = language
        self._words = WORDS[language]

    def lines(self) -> list[str]:
        parts = (self._head(), self._articles(), self._sums(), self._vat(), self._payments(), self._loyalty())
        return [*self._mark(), *(row for part in parts for row in part), *self._sealed(), *self._mark()]

    def _mark(self) -> list[str]:
        """What a paper that is no receipt of its own says at its top and bottom."""
        marks = [self._words["training"]] if self._receipt.training else []
        marks += [f"{self._words['duplicate']} n° {self._duplicate}"] if self._duplicate else []
        return [f"*** {mark} ***".center(WIDTH).rstrip() for mark in marks]

    def _sealed(self) -> list[str]:
        """By which fiscal part the receipt was made, in which station's chain and where in it."""
        rows = [("software", self._receipt.fiscal), ("seal", self._seal[:SEAL])]
        found = [_row(self._words[name], text) for name, text in rows if text]
        return ["-" * WIDTH, *found, _row("", self._receipt.station_id)] if found else []

    def _issued_by(self) -> list[str]:
        """The shop, the store and its address, and what the law wants of the company."""
        issuer, head = self._issuer, self._issuer.head
        store = [] if issuer.store.casefold() == issuer.merchant.casefold() else [issuer.store]
        vat = [f"{self._words['vat_number']} {head.vat_number}"] if head.vat_number else []
        texts = [issuer.merchant, *store, *issuer.address.splitlines(), *head.lines, *vat]
        return [row.center(WIDTH).rstrip() for text in texts for row in wrap(text, WIDTH)]

    def _head(self) -> list[str]:
        receipt = self._receipt
        at = format_datetime(datetime.fromisoformat(receipt.local_minute), "short", locale=_LOCALES[self._language])
        kind = self._words["refund" if receipt.kind == "refund" else "sale"]
        head = [*self._issued_by(), _row(f"{kind} n° {receipt.number}", at)]
        head += wrap(f"{self._words['station']} {self._issuer.station}", WIDTH)
        if receipt.refund_of:
            head.append(f"{self._words['of']} {receipt.refund_of}")
        return [*head, "-" * WIDTH]

    def _articles(self) -> list[str]:
        return [row for line in self._receipt.lines for row in self._article(line)]

    def _article(self, line: ReceiptLine) -> list[str]:
        rows = [_row(line.label, self._money(line.amount))]
        if line.quantity != 1000:
            quantity = format_decimal(line.quantity / 1000, locale=_LOCALES[self._language])
            unit = "" if line.unit == "piece" else f" {line.unit}"
            rows.append(f"  {quantity}{unit} × {self._money(line.unit_price)}")
        return rows

    def _sums(self) -> list[str]:
        receipt = self._receipt
        rows = ["-" * WIDTH]
        if receipt.saved:
            rows.append(_row(self._words["subtotal"], self._money(receipt.subtotal)))
            rows += [_row(f"  {one.label}", self._money(-one.amount)) for one in receipt.discounts]
            rows.append(_row(self._words["saved"], self._money(-receipt.saved)))
        return [*rows, _row(self._words["total"], self._money(receipt.total))]

    def _vat(self) -> list[str]:
        return [
            _row(
                f"  {self._words['vat']} {format_decimal(part.rate / 100, locale=_LOCALES[self._language])} %",
                f"{self._money(part.vat)} ({self._words['net']} {self._money(part.net)})",
            )
            for part in self._receipt.vat
            if part.gross
        ]

    def _payments(self) -> list[str]:
        rows = [row for one in self._receipt.payments for row in self._payment(one)]
        return ["-" * WIDTH, *(rows or [self._words["none"]])]

    def _payment(self, one: ReceiptPayment) -> list[str]:
        """One means; of cash what was handed over, and the change."""
        name = f"{self._words.get(one.means, one.means)} {(one.card_scheme or '').upper()}"
        rows = [_row(name, self._money(one.amount))]
        if not one.guaranteed:
            rows.append(f"  {self._words['risk']}")
        if one.given is not None:
            rows.append(_row(f"  {self._words['given']}", self._money(one.given)))
            rows.append(_row(f"  {self._words['change']}", self._money(one.given - one.amount)))
        return rows

    def _loyalty(self) -> list[str]:
        receipt = self._receipt
        counts = (
            ("earned", receipt.points_earned),
            ("spent", receipt.points_spent),
            ("points_owed", receipt.points_owed),
        )
        amounts = (("value", receipt.value_given), ("value_owed", receipt.value_owed))
        rows = [_row(self._words[name], str(count)) for name, count in counts if count]
        rows += [_row(self._words[name], self._money(amount)) for name, amount in amounts if amount]
        if receipt.customer_id:
            rows.append(_row(self._words["customer"], receipt.customer_id[-8:]))
        return ["-" * WIDTH, *rows] if rows else []

    def _money(self, minor: int) -> str:
        scale: int = 10 ** get_currency_precision(self._receipt.currency)
        return str(format_currency(minor / scale, self._receipt.currency, locale=_LOCALES[self._language]))


def _row(left: str, right: str) -> str:
    room = WIDTH - len(right) - 1
    return f"{left.rstrip():<{room}.{room}} {right}"
