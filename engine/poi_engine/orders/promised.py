"""What a customer was promised when they ordered, for the till that changes the basket before it is paid."""

from collections.abc import Iterable

from poi_engine.orders.fulfilment import Fulfilment, placed
from poi_engine.orders.rows import find_order
from poi_engine.ports import Job
from poi_offers.situation import SaleItem


def promised_items(merchant_id: str, fulfilments: Iterable[Fulfilment]) -> Job[dict[str, SaleItem]]:
    """The lines of the orders placed before that are in this basket, by id: their price and how much was ordered."""
    found: dict[str, SaleItem] = {}
    for order_id, lines in placed(fulfilments).items():
        order = yield from find_order(merchant_id, order_id)
        ids = {one.line_id for one in lines}
        found |= {item.line_id: item for item in order.document.items if item.line_id in ids}
    return found
