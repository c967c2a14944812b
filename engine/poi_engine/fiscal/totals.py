"""Adds up receipts: by VAT rate, by means of payment, sales and refunds apart. Amounts in minor units."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct


class VatTotal(Struct, frozen=True, kw_only=True):
    """What was sold less what was taken back at one rate (basis points): `net` + `vat` = `gross`."""

    rate: int
    net: int
    vat: int
    gross: int


class MeansTotal(Struct, frozen=True, kw_only=True):
    """What one means of payment took in less what it paid back, in `count` payments."""

    means: str
    amount: int
    count: int


class Totals(Struct, frozen=True, kw_only=True):
    """Receipts added up. `refunds_total` is negative; `total` = `sales_total` + `refunds_total`.

    `stored`: of the total, stored value that was sold. It stands at rate 0; `turnover` is without it.
    """

    sales: int = 0
    refunds: int = 0
    sales_total: int = 0
    refunds_total: int = 0
    total: int = 0
    vat: tuple[VatTotal, ...] = ()
    means: tuple[MeansTotal, ...] = ()
    stored: int = 0

    def turnover(self) -> tuple[VatTotal, ...]:
        """By rate what was sold but stored value: its VAT is due when it is spent."""
        parts = [_without(part, self.stored) if part.rate == 0 else part for part in self.vat]
        return tuple(part for part in parts if part.net or part.vat or part.gross)


def _without(part: VatTotal, stored: int) -> VatTotal:
    return VatTotal(rate=part.rate, net=part.net - stored, vat=part.vat, gross=part.gross - stored)


class _Vat(Struct):
    rate: int
    net: int
    vat: int
    gross: int


class _Payment(Struct):
    means: str
    amount: int


class Counted(Struct):
    """The part of a receipt that is counted and checked."""

    kind: Literal["sale", "refund"]
    sale_id: str
    station_id: str
    at: datetime
    total: int
    vat: list[_Vat]
    payments: list[_Payment]
    format: int
    number: int
    training: bool = False
    stored: int = 0


counted = msgspec.json.Decoder(Counted).decode
"""That part of a receipt's canonical bytes; raises `msgspec.DecodeError` when they are none."""


class Sum:
    """Receipts being added up."""

    def __init__(self) -> None:
        self._counts = {"sale": 0, "refund": 0}
        self._totals = {"sale": 0, "refund": 0}
        self._vat: dict[int, list[int]] = {}
        self._means: dict[str, list[int]] = {}
        self._stored = 0

    def add(self, receipt: Counted) -> None:
        """Add a receipt."""
        self._counts[receipt.kind] += 1
        self._totals[receipt.kind] += receipt.total
        self._stored += receipt.stored
        for part in receipt.vat:
            self._add_vat(part.rate, part.net, part.vat, part.gross)
        for payment in receipt.payments:
            self._add_means(payment.means, payment.amount, 1)

    def add_totals(self, many: Iterable[Totals]) -> "Sum":
        """Add what was added up before."""
        for totals in many:
            for kind, count, total in (
                ("sale", totals.sales, totals.sales_total),
                ("refund", totals.refunds, totals.refunds_total),
            ):
                self._counts[kind] += count
                self._totals[kind] += total
            self._stored += totals.stored
            for part in totals.vat:
                self._add_vat(part.rate, part.net, part.vat, part.gross)
            for means in totals.means:
                self._add_means(means.means, means.amount, means.count)
        return self

    def totals(self) -> Totals:
        """The sums so far, in the order of rates and means."""
        return Totals(
            sales=self._counts["sale"],
            refunds=self._counts["refund"],
            sales_total=self._totals["sale"],
            refunds_total=self._totals["refund"],
            total=self._totals["sale"] + self._totals["refund"],
            vat=tuple(
                VatTotal(rate=rate, net=net, vat=vat, gross=gross)
                for rate, (net, vat, gross) in sorted(self._vat.items())
            ),
            means=tuple(
                MeansTotal(means=means, amount=amount, count=count)
                for means, (amount, count) in sorted(self._means.items())
            ),
            stored=self._stored,
        )

    def _add_vat(self, rate: int, net: int, vat: int, gross: int) -> None:
        sums = self._vat.setdefault(rate, [0, 0, 0])
        sums[0] += net
        sums[1] += vat
        sums[2] += gross

    def _add_means(self, means: str, amount: int, count: int) -> None:
        sums = self._means.setdefault(means, [0, 0])
        sums[0] += amount
        sums[1] += count
