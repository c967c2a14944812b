"""Totals since the last closing, and the closing itself: the station's own books."""

from __future__ import annotations

from collections import defaultdict

from poi_engine.errors import NotFound
from poi_engine.fiscal.model import Closed
from poi_engine.fiscal.totals import counted
from poi_engine.ports import Job, Query
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.messages import Echo
from poi_server.nexo.money import decimal_of
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.loyalty import (
    GetTotalsRequest,
    GetTotalsResponse,
    PaymentTotal,
    ReconciliationRequest,
    ReconciliationResponse,
    TotalFilter,
    TransactionTotals,
)
from poi_server.nexo.wire.names import Wire

_INSTRUMENTS = {
    "wallet": "StoredValue",
    "gift_card": "StoredValue",
    "cash": "Cash",
    "till": "Cash",
    "transfer": "Mobile",
}
_NEWEST = 1 << 62
_PAGE = 500
_CLOSINGS = 100
"""How many closings back (days, months and years) a till may ask for one."""
_KINDS = {"sale": "Debit", "refund": "Credit"}
Sums = dict[tuple[str, str], tuple[int, int]]
"""Count and minor units by means of payment and kind of receipt; both positive."""


async def totals(turn: Turn, request: GetTotalsRequest) -> Wire:
    """What the station took since its last closing, by means of payment; nothing is closed."""
    if request.total_filter is not None:
        _must_be_whole(turn, request.total_filter)
    standing = await turn.engine.fiscal.standing(turn.merchant_id, turn.station_id)
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    return GetTotalsResponse(
        response=SUCCESS,
        poi_reconciliation_id=standing.day.isoformat(),
        transaction_totals=await _told(turn, standing.first, standing.last, merchant.currency),
    )


def _must_be_whole(turn: Turn, asked: TotalFilter) -> None:
    """Refuse a part of the totals: the whole in its place would be believed."""
    if asked.poiid not in (None, turn.header.poiid):
        raise NotFound("POI", asked.poiid or "")
    alone = turn.poi.sale_ids == (asked.sale_id,)
    if asked.operator_id or asked.shift_number or asked.totals_group_id or (asked.sale_id and not alone):
        raise Failed("NotAllowed", "A station keeps its totals as a whole: ask without TotalFilter.", "no-filter")


async def reconcile(turn: Turn, request: ReconciliationRequest) -> Wire:
    """Close the station's day, or tell the closing before."""
    kind = request.reconciliation_type
    if kind == "SaleReconciliation":
        if not turn.acting.may("close_day"):
            raise Failed(
                "NotAllowed", "Closing the day takes a person with the right to: sign in.", turn.acting.missing
            )
        closed = await turn.engine.fiscal.close(turn.merchant_id, turn.station_id, "day", by=turn.by)
    elif kind == "PreviousReconciliation":
        found = await _last_day(turn, request.poi_reconciliation_id)
        if found is None:
            raise Failed("NotFound", "This station has no such closing.", "no-closing")
        closed = found
    else:
        raise Failed("NotAllowed", "The terminal settles with its acquirer by itself.", "acquirer")
    return await _reconciled(turn, kind, closed)


async def reconciliation_ended(turn: Turn) -> Wire | None:
    """The answer of a reconciliation whose server stopped: the closing of its day, if it was made."""
    assert turn.kept is not None
    found = await _last_day(turn)
    if found is not None and found.closing.ends > turn.kept.created_at:
        return await _reconciled(turn, turn.echo.kind, found)
    turn.must_be_nobodys()
    raise Failed("Aborted", "It was interrupted before anything was closed.", "interrupted")


async def _last_day(turn: Turn, period: str | None = None) -> Closed | None:
    """The newest closing of a day, or that of one day, if it is among the newest."""
    found = await turn.engine.fiscal.closings(turn.merchant_id, turn.station_id, before=_NEWEST, limit=_CLOSINGS)
    days = (one for one in found if one.closing.kind == "day")
    return next((one for one in days if period in (None, one.closing.period)), None)


async def _reconciled(turn: Turn, kind: str, closed: Closed) -> Wire:
    closing = closed.closing
    return ReconciliationResponse(
        response=SUCCESS,
        reconciliation_type=kind,
        poi_reconciliation_id=closing.period,
        transaction_totals=await _told(turn, closing.first, closing.last, closing.currency),
    )


async def _told(turn: Turn, first: int, last: int, currency: str) -> tuple[TransactionTotals, ...]:
    """Each means of the receipts `first` to `last` by itself: what it took in, and what it paid back."""
    merchant_id, station_id = turn.merchant_id, turn.station_id
    sums = await turn.services.sql.read(lambda: _summed(merchant_id, station_id, first, last))
    return tuple(
        TransactionTotals(
            payment_instrument_type=_INSTRUMENTS.get(means, "Card"),
            payment_currency=currency,
            payment_totals=tuple(
                PaymentTotal(
                    transaction_type=_KINDS[kind],
                    transaction_count=sums[means, kind][0],
                    transaction_amount=decimal_of(sums[means, kind][1], currency),
                )
                for kind in _KINDS
                if (means, kind) in sums
            ),
            card_brand=None if means == "card" else means,
            poiid=turn.header.poiid,
        )
        for means in sorted({means for means, _ in sums})
    )


def _summed(m: str, station_id: str, first: int, last: int) -> Job[Sums]:
    found: Sums = defaultdict(lambda: (0, 0))
    for number in range(first, last + 1, _PAGE):
        rows = yield Query(
            "select document from journal where merchant_id = ? and station_id = ? and number >= ? and number <= ?"
            f" order by number limit {_PAGE}",
            (m, station_id, number, min(last, number + _PAGE - 1)),
        )
        for receipt in (counted(bytes(row["document"])) for row in rows):
            for payment in receipt.payments:
                count, amount = found[payment.means, receipt.kind]
                found[payment.means, receipt.kind] = (count + 1, amount + abs(payment.amount))
    return found


CATEGORIES = {
    "GetTotals": Category(GetTotalsRequest, totals),
    "Reconciliation": Category(
        ReconciliationRequest,
        reconcile,
        kept=True,
        echo=lambda asked: Echo(kind=asked.reconciliation_type),
        ended=reconciliation_ended,
    ),
}
