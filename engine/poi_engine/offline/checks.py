"""What a station says of a sale that it made alone, held against what the server knows of that time."""

from collections.abc import Sequence
from datetime import datetime

from poi_engine.clock import micros_of
from poi_engine.ports import Job, Query
from poi_offers.situation import SaleItem


def who_sold(
    merchant_id: str, station_id: str, seller_id: str | None, sold_at: datetime, sender: str
) -> Job[tuple[str, tuple[str, ...]]]:
    """Who made the sale: whoever was signed in, if the staff has such a person, else who sent it; and what is odd."""
    if seller_id is None:
        return sender, ()
    known = yield Query(
        "select seller_id from seller where merchant_id = ? and seller_id = ?", (merchant_id, seller_id)
    )
    if not known:
        return sender, (f"sold by {seller_id}, whom nobody knows",)
    who = f"seller:{seller_id}"
    if who == sender:
        return who, ()
    last = yield Query(
        "select act from audit where merchant_id = ? and subject_id = ? and created_at <= ? "
        "and act in ('sign-in', 'sign-out') and station_id = ? order by created_at desc limit 1",
        (merchant_id, seller_id, micros_of(sold_at), station_id),
    )
    if last and last[0]["act"] == "sign-in":
        return who, ()
    return who, (f"sold by {seller_id}, who was not signed in here by our records",)


def other_prices(merchant_id: str, items: Sequence[SaleItem], sold_at: datetime) -> Job[tuple[str, ...]]:
    """The lines whose price was not the product's at that time."""
    found = []
    for item in (item for item in items if item.code):
        price = yield from price_at(merchant_id, item.code, micros_of(sold_at))
        if price != item.unit_price:
            found.append(f"line {item.line_id}: {item.code} sold at {item.unit_price}, its price was {price}")
    return tuple(found)


def price_at(merchant_id: str, code: str, at: int) -> Job[int | None]:
    """The product's price at a time, minor units; before its first known price, that one."""
    before = yield Query(
        "select after from price_change where merchant_id = ? and code = ? and created_at <= ? "
        "order by change_id desc limit 1",
        (merchant_id, code, at),
    )
    if before:
        return int(before[0]["after"])
    later = yield Query(
        "select before from price_change where merchant_id = ? and code = ? order by change_id limit 1",
        (merchant_id, code),
    )
    if later and later[0]["before"] is not None:
        return int(later[0]["before"])
    rows = yield Query("select unit_price from product where merchant_id = ? and code = ?", (merchant_id, code))
    return int(rows[0]["unit_price"]) if rows else None
