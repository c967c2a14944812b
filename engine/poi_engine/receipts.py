"""From a sale's or refund's figures to its receipt. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from poi_engine.checkout.entries import Given, Owed, Tender
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.records import LineRow, local_minute
from poi_engine.fiscal.journal import Receipt, ReceiptDiscount, ReceiptLine, ReceiptPayment, ReceiptVat
from poi_engine.value.lines import is_value
from poi_offers.decision import Decision
from poi_offers.money import divide_half_away


def sale_lines(frozen: Frozen) -> list[LineRow]:
    """The basket's lines with what the accepted decision takes off each."""
    saved: defaultdict[str, int] = defaultdict(int)
    for adjustment in frozen.decision.adjustments:
        saved[adjustment.line_id] += adjustment.amount
    return [
        LineRow(
            line_id=item.line_id,
            code=item.code,
            label=item.label,
            category=item.category,
            brand=item.brand,
            quantity=item.quantity,
            unit=item.unit,
            unit_price=item.unit_price,
            vat_rate=item.vat_rate,
            amount=item.amount,
            saved=saved[item.line_id],
            total=item.amount - saved[item.line_id],
        )
        for item in frozen.session.basket.items
    ]


def vat_of(lines: Sequence[LineRow]) -> tuple[ReceiptVat, ...]:
    """Gross, VAT and net by rate; VAT is rounded once a rate, half away from zero."""
    gross: defaultdict[int, int] = defaultdict(int)
    for line in lines:
        gross[line.vat_rate] += line.total
    parts = []
    for rate, amount in sorted(gross.items()):
        vat = divide_half_away(amount * rate, 10_000 + rate)
        parts.append(ReceiptVat(rate=rate, net=amount - vat, vat=vat, gross=amount))
    return tuple(parts)


def receipt_lines(lines: Sequence[LineRow]) -> tuple[ReceiptLine, ...]:
    """The lines as the receipt prints them."""
    return tuple(
        ReceiptLine(
            line_id=line.line_id,
            label=line.label,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            vat_rate=line.vat_rate,
            amount=line.amount,
            saved=line.saved,
            total=line.total,
            code=line.code,
        )
        for line in lines
    )


def payments_of(tenders: Sequence[Tender]) -> tuple[ReceiptPayment, ...]:
    """The means of payment; nothing to pay, none."""
    return tuple(
        ReceiptPayment(
            means=tender.means,
            amount=tender.amount,
            card_scheme=tender.card_scheme,
            given=tender.given,
            guaranteed=tender.guaranteed,
        )
        for tender in tenders
        if tender.amount
    )


def receipt_for(
    kind: Literal["sale", "refund"],
    sale_id: str,
    store_id: str,
    station_id: str,
    zone: str,
    currency: str,
    lines: Sequence[LineRow],
    tenders: Sequence[Tender],
    at: int,
) -> Receipt:
    """A receipt's frame: place, time, lines, VAT and payment; the rest is filled in by `replace` and the journal."""
    return Receipt(
        kind=kind,
        sale_id=sale_id,
        store_id=store_id,
        station_id=station_id,
        currency=currency,
        local_minute=local_minute(at, zone),
        lines=receipt_lines(lines),
        vat=vat_of(lines),
        payments=payments_of(tenders),
        subtotal=sum(line.amount for line in lines),
        saved=sum(line.saved for line in lines),
        total=sum(line.total for line in lines),
        stored=sum(line.total for line in lines if is_value(line.code)),
    )


def discounts_of(decision: Decision, language: str) -> tuple[ReceiptDiscount, ...]:
    """What each chosen offer took off, named in the merchant's language."""
    return tuple(
        ReceiptDiscount(
            offer_id=offer.offer_id,
            version=offer.version,
            label=offer.name.get(language) or next(iter(offer.name.values())),
            amount=offer.saved,
        )
        for offer in decision.offers
        if offer.saved
    )


def sale_receipt(
    frozen: Frozen,
    sale_id: str,
    lines: Sequence[LineRow],
    tenders: Sequence[Tender],
    given: Given,
    owed: Owed,
    language: str,
    seller_id: str | None,
    at: int,
) -> Receipt:
    """The receipt of a sale. `owed`: the customer's debts before it."""
    session = frozen.session
    frame = receipt_for(
        "sale",
        sale_id,
        session.store_id,
        session.station_id,
        frozen.place.zone,
        frozen.decision.currency,
        lines,
        tenders,
        at,
    )
    return replace(
        frame,
        discounts=discounts_of(frozen.decision, language),
        seller_id=seller_id,
        customer_id=frozen.customer_id,
        points_earned=given.points_earned,
        points_spent=given.points_spent,
        points_owed=owed.points - given.points_settled,
        value_given=given.value_given,
        value_owed=owed.value - given.value_settled,
    )
