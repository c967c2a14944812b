"""Stored value that is paid back for good: on no receipt, but an event of its station, which its closing adds up."""

from collections import Counter
from collections.abc import Sequence

from poi_engine.fiscal import events
from poi_engine.fiscal.chain import EVENTS, anchor
from poi_engine.fiscal.day import must_be_open
from poi_engine.fiscal.events import MERCHANT, Event, event_of
from poi_engine.fiscal.model import PayBacks
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.totals import MeansTotal
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal


def begin_pay_back(m: str, by: Principal, at: int) -> Job[None]:
    """Refuse on a closed day; until the transaction ends nobody closes it. Before anything else is locked."""
    if by.station_id:
        yield from must_be_open(m, by.station_id, at)


def record_pay_back(
    m: str, by: Principal, operation_id: str, amount: int, currency: str, means: str, at: int
) -> Job[None]:
    """Put on record what was paid back, in minor units: where it was done, or in the merchant's own chain."""
    values: dict[str, str | int] = {"amount": amount, "currency": currency, "means": means}
    yield from events.record(m, by.station_id or MERCHANT, "paid-back", operation_id, by.who, values, at)


class PayBackSum:
    """Events of `paid-back` being added up by means."""

    def __init__(self) -> None:
        self._amounts: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        """Add an event."""
        self._add(str(event.values["means"]), int(event.values["amount"]), 1)

    def add_totals(self, totals: Sequence[MeansTotal]) -> None:
        """Add what was added up before."""
        for one in totals:
            self._add(one.means, one.amount, one.count)

    def totals(self) -> tuple[MeansTotal, ...]:
        """The sums so far, in the order of means."""
        return tuple(
            MeansTotal(means=means, amount=self._amounts[means], count=count)
            for means, count in sorted(self._counts.items())
        )

    def _add(self, means: str, amount: int, count: int) -> None:
        self._amounts[means] += amount
        self._counts[means] += count


def before_first(m: str, station_id: str, begins: int) -> Job[int]:
    """The last event that a station's first closing does not add up: paid back before its day began; 0 when none."""
    last = 0
    for number, event in (yield from _since(m, station_id, 0)):
        if event.at >= utc_micro(begins):
            break
        last = number
    return last


def of_day(m: str, station_id: str, after: int, ends: int | None) -> Job[PayBacks]:
    """What a station paid back after event `after`, up to the moment `ends`, None: up to now."""
    found, last = PayBackSum(), (yield from anchor(EVENTS, m, station_id)).number
    for number, event in (yield from _since(m, station_id, after)):
        if ends is not None and event.at >= utc_micro(ends):
            last = number - 1
            break
        found.add(event)
    return PayBacks(first=after + 1, last=last, by=found.totals())


def _since(m: str, station_id: str, number: int) -> Job[list[tuple[int, Event]]]:
    rows = yield Query(
        "select number, document from fiscal_event where merchant_id = ? and station_id = ? and number > ?"
        " and kind = 'paid-back' order by number",
        (m, station_id, number),
    )
    return [(row["number"], event_of(bytes(row["document"]))) for row in rows]


def of_parts(parts: Sequence[PayBacks]) -> PayBacks:
    """What a month's days, a year's months, or a day's stations paid back."""
    found = PayBackSum()
    for part in parts:
        found.add_totals(part.by)
    none = PayBacks()
    first, last = (parts[0].first, parts[-1].last) if parts else (none.first, none.last)
    return PayBacks(first=first, last=last, by=found.totals())
