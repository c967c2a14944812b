"""The tables of the fiscal part beside the journal: closings, events, training, and the keys that sign closings.

Each row of a chain holds its canonical bytes, the hash of the row before it and its own; a head names the last row.
"""

from sqlalchemy import Column, Index, LargeBinary, Table

from poi_engine.storage.schema.parts import integer, table, text


def _bytes(name: str) -> "Column[bytes]":
    return Column(name, LargeBinary, nullable=False)


def _head(name: str, *more: "Column[int]") -> Table:
    return table(name, ("station_id",), text("station_id"), integer("number"), _bytes("hash"), *more)


closing = table(
    "closing",
    ("station_id", "number"),
    text("station_id"),
    integer("number"),
    integer("format"),
    text("kind"),  # day, month, year
    text("period"),  # 2026-11-22, 2026-11, 2026
    _bytes("document"),
    _bytes("previous"),
    _bytes("hash"),
    text("key_id"),
    _bytes("signature"),
)
closing_head = _head(
    "closing_head",
    integer("receipt", default=0),  # the last receipt that a day's closing holds
    integer("closed_until", default=0),  # nothing is sold before: the midnight after the last closed day
)
fiscal_event = table(
    "fiscal_event",
    ("station_id", "number"),
    text("station_id"),  # empty: the merchant's own chain
    integer("number"),
    integer("format"),
    text("kind"),
    text("subject"),
    _bytes("document"),
    _bytes("previous"),
    _bytes("hash"),
)
fiscal_event_head = _head("fiscal_event_head")
training = table(  # receipts of exercises, in a chain apart
    "training",
    ("station_id", "number"),
    text("station_id"),
    integer("number"),
    integer("format"),
    _bytes("document"),
    _bytes("previous"),
    _bytes("hash"),
)
training_head = _head("training_head")
fiscal_key = table("fiscal_key", ("key_id",), text("key_id"), _bytes("public_key"), integer("created_at"))

Index("closing_by_period", closing.c.merchant_id, closing.c.kind, closing.c.period)
Index("fiscal_event_by_subject", fiscal_event.c.merchant_id, fiscal_event.c.subject, fiscal_event.c.kind)

IMMUTABLE: tuple[str, ...] = ("closing", "fiscal_event", "training", "fiscal_key")
"""Tables whose rows are never updated or deleted."""
