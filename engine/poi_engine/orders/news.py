"""Telling screens that an order moved."""

from collections.abc import Iterable

from poi_engine.orders.rows import find_order, orders_of_sale
from poi_engine.ports import Job, OrderTold, Query
from poi_engine.wiring import Wiring


async def tell(wiring: Wiring, merchant_id: str, order_ids: Iterable[str]) -> None:
    """The stations of the order's store, the lists of orders and the customer's phone."""
    for order_id in order_ids:
        told = await wiring.sql.read(lambda order_id=order_id: _told(merchant_id, order_id))  # type: ignore[misc]
        await wiring.screens.order_changed(merchant_id, told)


async def tell_of_sale(wiring: Wiring, merchant_id: str, sale_id: str) -> None:
    """The orders that a sale paid."""
    orders = await wiring.sql.read(lambda: orders_of_sale(merchant_id, sale_id))
    await tell(wiring, merchant_id, [order.order_id for order in orders])


def _told(merchant_id: str, order_id: str) -> Job[OrderTold]:
    order = yield from find_order(merchant_id, order_id)
    rows = yield Query(
        "select station_id from station where merchant_id = ? and store_id = ?", (merchant_id, order.store_id)
    )
    return OrderTold(
        order_id=order_id,
        state=order.state,
        store_id=order.store_id,
        customer_id=order.customer_id,
        stations=tuple(sorted(row["station_id"] for row in rows)),
    )
