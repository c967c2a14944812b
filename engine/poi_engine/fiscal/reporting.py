"""What a day came to at all stations, by VAT rate and by means of payment: what e-reporting asks for, without names."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from poi_engine.fiscal.closing import days_of
from poi_engine.fiscal.model import Closing
from poi_engine.fiscal.pay_backs import of_parts
from poi_engine.fiscal.totals import MeansTotal, Sum, VatTotal
from poi_engine.ports import Job, Query
from poi_engine.settings import read_merchant


class DayReport(Struct, frozen=True, kw_only=True):
    """The sums of a day's closings; amounts in minor units. `open_stations` sold that day and are not closed yet.

    `total` is what the receipts come to, `turnover` and `vat` are without `stored`: gift cards and wallets that were
    loaded, less what was taken back. Their VAT is due when they are spent, and stands in `vat` then. `paid_back` is
    stored value paid back for good at the stations, by means: above zero, and in no other sum.
    """

    day: date
    currency: str
    closings: int
    open_stations: tuple[str, ...]
    sales: int
    refunds: int
    sales_total: int
    refunds_total: int
    total: int
    turnover: int
    stored: int
    vat: tuple[VatTotal, ...]
    means: tuple[MeansTotal, ...]
    paid_back: tuple[MeansTotal, ...]


HEAD = ("day", "currency", "kind", "key", "net", "vat", "amount", "count")
"""`kind` is `vat` (`key`: the rate in percent), `means` (`key`: the means of payment), `stored` (stored value that
was sold, in no rate) or `paid-back` (`key`: by what stored value was paid back for good, in no other row)."""


def report_of(m: str, day: date) -> Job[DayReport]:
    """The day's report, as far as its stations are closed."""
    merchant = yield from read_merchant(m)
    closings = yield from days_of(m, day)
    rows = yield Query(
        "select s.station_id, max(s.receipt_number) as last, min(coalesce(c.receipt, 0)) as closed from sale s"
        " left join closing_head c on c.merchant_id = s.merchant_id and c.station_id = s.station_id"
        " where s.merchant_id = ? and s.local_day = ? group by s.station_id",
        (m, day.isoformat()),
    )
    waiting = tuple(sorted(row["station_id"] for row in rows if row["last"] > row["closed"]))
    return report_on(day, merchant.currency, closings, waiting)


def report_on(day: date, currency: str, closings: Sequence[Closing], waiting: tuple[str, ...] = ()) -> DayReport:
    """The report of a day's closings; `waiting`: the stations that sold and are not closed yet."""
    totals = Sum().add_totals(one.totals() for one in closings).totals()
    return DayReport(
        day=day,
        currency=currency,
        closings=len(closings),
        open_stations=waiting,
        sales=totals.sales,
        refunds=totals.refunds,
        sales_total=totals.sales_total,
        refunds_total=totals.refunds_total,
        total=totals.total,
        turnover=totals.total - totals.stored,
        stored=totals.stored,
        vat=totals.turnover(),
        means=totals.means,
        paid_back=of_parts([one.paid_back for one in closings]).by,
    )


def as_csv(reports: Iterable[DayReport], digits: int) -> str:
    """The reports as CSV, amounts in the currency's main unit; `digits` of its minor unit."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)

    def money(amount: int) -> str:
        return f"{Decimal(amount).scaleb(-digits):f}"

    for one in reports:
        for part in one.vat:
            rate = f"{Decimal(part.rate).scaleb(-2):f}"
            sums = (money(part.net), money(part.vat), money(part.gross))
            writer.writerow((one.day, one.currency, "vat", rate, *sums, ""))
        if one.stored:
            writer.writerow((one.day, one.currency, "stored", "", "", "", money(one.stored), ""))
        for means in one.means:
            writer.writerow((one.day, one.currency, "means", means.means, "", "", money(means.amount), means.count))
        for back in one.paid_back:
            writer.writerow((one.day, one.currency, "paid-back", back.means, "", "", money(back.amount), back.count))
    return text.getvalue()
