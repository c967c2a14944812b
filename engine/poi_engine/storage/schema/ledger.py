"""The tables of the ledger: accounts, and two-phase transfers between them, double entry."""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from poi_engine.storage.schema.parts import integer, table, text, where

account = table(
    "account",
    ("account", "part"),
    text("account"),
    text("unit"),  # an ISO 4217 code, `points`, or `uses`
    integer("floor"),  # 1: the balance never goes below zero
    integer("debits", default=0),
    integer("credits", default=0),
    integer("debits_pending", default=0),
    integer("credits_pending", default=0),
    integer("part", default=0),  # of an account without a floor: what one of several writers has changed
    CheckConstraint("floor = 0 or credits - debits - debits_pending >= 0", name="never_below_zero"),
    CheckConstraint("floor = 0 or debits_pending >= 0 and credits_pending >= 0", name="pending_not_negative"),
    CheckConstraint("floor = 0 or part = 0", name="floor_in_one_part"),
)
transfer = table(
    "transfer",
    ("transfer_id",),
    text("transfer_id"),
    text("checkout_id"),  # the checkout, refund or grant it belongs to
    text("kind"),  # sale, tender, points, reward, cashback, limit, owed, refund, fund ...
    text("phase"),  # single, pending, post, void
    text("resolves", null=True),  # the pending transfer that a post or void ends
    text("debit"),
    text("credit"),
    integer("amount"),
    text("unit"),
    integer("created_at"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("debit <> credit", name="two_accounts"),
    UniqueConstraint("merchant_id", "resolves"),  # a pending transfer is resolved at most once
)

_OF_STOCK = where("unit = 'stock'")
"""Only the transfers of goods are looked up by their accounts."""

Index("transfer_by_checkout", transfer.c.merchant_id, transfer.c.checkout_id)
Index("stock_taken", transfer.c.merchant_id, transfer.c.debit, transfer.c.transfer_id, **_OF_STOCK)
Index("stock_given", transfer.c.merchant_id, transfer.c.credit, transfer.c.transfer_id, **_OF_STOCK)

IMMUTABLE = ("transfer",)
"""Tables whose rows are never updated or deleted."""
