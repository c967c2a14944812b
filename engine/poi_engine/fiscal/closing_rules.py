"""How a closing goes on from those before it. Pure."""

from collections.abc import Iterator, Sequence

from poi_engine.fiscal.model import Closing
from poi_engine.fiscal.pay_backs import of_parts
from poi_engine.fiscal.totals import Sum


def follows(closing: Closing, before: Sequence[Closing]) -> Iterator[str]:
    """What is wrong with a closing after those of its station, oldest first."""
    if closing.perpetual_sales != closing.carried_sales + closing.sales_total:
        yield "does not go on with the perpetual total of sales"
    if closing.perpetual_total != closing.carried_total + closing.total:
        yield "does not go on with the perpetual total"
    if closing.kind == "day":
        yield from _day(closing, before)
    else:
        yield from _sums(closing, before)


def _day(closing: Closing, before: Sequence[Closing]) -> Iterator[str]:
    last = next((one for one in reversed(before) if one.kind == "day"), None)
    if last is None:
        return
    if closing.period <= last.period:
        yield f"closes {closing.period} after {last.period}"
    if closing.first != last.last + 1:
        yield f"begins with receipt {closing.first}, not {last.last + 1}"
    if closing.paid_back.first != last.paid_back.last + 1:
        yield f"looks for what was paid back from event {closing.paid_back.first}, not {last.paid_back.last + 1}"
    if (closing.carried_sales, closing.carried_total) != (last.perpetual_sales, last.perpetual_total):
        yield f"does not carry on what closing {last.number} came to"


def _sums(closing: Closing, before: Sequence[Closing]) -> Iterator[str]:
    """A month holds the days that no month before it holds, a year the months."""
    part = "day" if closing.kind == "month" else "month"
    last = next((one for one in reversed(before) if one.kind == closing.kind), None)
    done = last.adds_up[-1] if last else 0
    parts = [one for one in before if one.kind == part and one.number > done and one.period.startswith(closing.period)]
    if closing.adds_up != tuple(one.number for one in parts):
        yield f"does not hold the {part}s of {closing.period}"
        return
    if closing.totals() != Sum().add_totals(one.totals() for one in parts).totals():
        yield f"does not add up the {part}s of {closing.period}"
    if closing.paid_back != of_parts([one.paid_back for one in parts]):
        yield f"does not add up what the {part}s of {closing.period} paid back"
    if (closing.first, closing.last) != (parts[0].first, parts[-1].last):
        yield f"does not reach over the receipts of {closing.period}"
    if (closing.carried_sales, closing.carried_total) != (parts[0].carried_sales, parts[0].carried_total):
        yield "does not carry on what came before it"
