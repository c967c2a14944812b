"""No statement about orders walks a table that grows with them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.plans import Recorded, tables, walks
from tests.engine.shop import Shop
from tests.orders.ordering import day_of_orders

pytestmark = pytest.mark.valkey

ALLOWED = ("from orders where merchant_id = ? and created_at <= ? and (created_at < ?",)
"""The list without a filter stops when its page is full."""


async def test_a_day_of_orders_walks_no_growing_table(shop: Shop, sqlite_template: Path) -> None:
    recorded = Recorded(shop.sql)
    shop.sql = recorded
    shop.engine = shop.build()
    await day_of_orders(shop)
    with closing(sqlite3.connect(f"file:{sqlite_template}?mode=ro", uri=True)) as connection:
        found = {text: walks(connection, text, values) for text, values in recorded.statements.items()}
    assert any("order_contact" in tables(text).values() for text in found)
    walked = {text: steps for text, steps in found.items() if steps and not any(part in text for part in ALLOWED)}
    assert walked == {}
