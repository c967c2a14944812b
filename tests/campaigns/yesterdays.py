"""Sales of the past as rows, figures without books: quicker written than sold."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from poi_engine.checkout.entries import Given, Tender
from poi_engine.checkout.records import LineRow, SaleDocument, SaleRow, insert_lines, insert_sale
from poi_engine.clock import micros_of
from poi_engine.insights.rollup import count_some, make_due
from poi_engine.ports import Job
from tests.engine.shop import PRODUCTS, STATION, M

PRICES = {product.code: product for product in PRODUCTS}


class Sold(NamedTuple):
    """A sale and its lines."""

    sale: SaleRow
    lines: tuple[LineRow, ...]


def sold(sale_id: str, at: datetime, codes: Sequence[str], customer_id: str | None = None) -> Sold:
    """One of each product, paid in cash at the store in Paris."""
    lines = tuple(_line(str(place), code) for place, code in enumerate(codes, 1))
    total = sum(line.total for line in lines)
    sale = SaleRow(
        sale_id=sale_id,
        checkout_id=f"chk_{sale_id}",
        store_id="sto_1",
        station_id=STATION,
        zone="Europe/Paris",
        currency="EUR",
        subtotal=total,
        saved=0,
        total=total,
        points=0,
        receipt_number=1,
        at=micros_of(at),
        document=SaleDocument(tender=Tender(means="cash", amount=total), given=Given()),
        customer_id=customer_id,
    )
    return Sold(sale, lines)


def write(sales: Sequence[Sold]) -> Job[None]:
    """The rows of sales and their figures."""
    for one in sales:
        yield insert_sale(M, one.sale)
        yield insert_lines(M, one.sale.sale_id, one.lines)
        yield make_due(M, one.sale.sale_id)
        yield from count_some(M)


def _line(line_id: str, code: str) -> LineRow:
    product = PRICES[code]
    return LineRow(
        line_id=line_id,
        code=code,
        label=product.label,
        category=product.category,
        brand="",
        quantity=1000,
        unit="piece",
        unit_price=product.unit_price,
        vat_rate=product.vat_rate,
        amount=product.unit_price,
        saved=0,
        total=product.unit_price,
    )
