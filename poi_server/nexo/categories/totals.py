"""Totals since the last closing, and the closing itself: the station's own books."""

from __future__ import annotations

from poi_engine.fiscal.model import Closed
from poi_engine.fiscal.totals import MeansTotal
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.money import decimal_of
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.loyalty import (
    GetTotalsRequest,
    GetTotalsResponse,
    PaymentTotal,
    ReconciliationRequest,
    ReconciliationResponse,
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


async def totals(turn: Turn, _: GetTotalsRequest) -> Wire:
    """What the station took since its last closing, by means of payment; nothing is closed."""
    standing = await turn.engine.fiscal.standing(turn.merchant_id, turn.station_id)
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    return GetTotalsResponse(
        response=SUCCESS,
        poi_reconciliation_id=standing.day.isoformat(),
        transaction_totals=_told(turn, standing.totals.means, merchant.currency),
    )


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
        found = await turn.engine.fiscal.closings(turn.merchant_id, turn.station_id, before=_NEWEST, limit=20)
        days = [one for one in found if one.closing.kind == "day"]
        if not days:
            raise Failed("NotFound", "This station was never closed.", "no-closing")
        closed = days[0]
    else:
        raise Failed("NotAllowed", "The terminal settles with its acquirer by itself.", "acquirer")
    return _reconciled(turn, kind, closed)


def _reconciled(turn: Turn, kind: str, closed: Closed) -> Wire:
    return ReconciliationResponse(
        response=SUCCESS,
        reconciliation_type=kind,
        poi_reconciliation_id=closed.closing.period,
        transaction_totals=_told(turn, closed.closing.means, closed.closing.currency),
    )


def _told(turn: Turn, means: tuple[MeansTotal, ...], currency: str) -> tuple[TransactionTotals, ...]:
    """Each means by itself: what it took in less what it paid back."""
    return tuple(
        TransactionTotals(
            payment_instrument_type=_INSTRUMENTS.get(one.means, "Card"),
            payment_currency=currency,
            payment_totals=(
                PaymentTotal(
                    transaction_type="Debit",
                    transaction_count=one.count,
                    transaction_amount=decimal_of(one.amount, currency),
                ),
            ),
            card_brand=None if one.means == "card" else one.means,
            poiid=turn.header.poiid,
        )
        for one in means
    )


CATEGORIES = {
    "GetTotals": Category(GetTotalsRequest, totals),
    "Reconciliation": Category(ReconciliationRequest, reconcile, kept=True),
}
