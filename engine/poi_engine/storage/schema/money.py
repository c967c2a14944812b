"""The tables of money beyond the single sale: stored value, transfers by bank, tills that speak nexo."""

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint

from poi_engine.storage.schema.ledger import transfer
from poi_engine.storage.schema.parts import integer, table, text, where

IMMUTABLE: tuple[str, ...] = ()
"""Tables whose rows are never updated or deleted."""

# --- stored value --------------------------------------------------------------------------------------------------

gift_card = table(  # what is on it is the balance of the account gift_card:{card_id}
    "gift_card",
    ("card_id",),
    text("card_id"),
    Column("code_hash", LargeBinary, nullable=False),  # SHA-256; the code itself is kept nowhere
    text("tail"),  # the code's last four letters, for people
    text("currency"),
    text("state"),  # issued, active, closed
    integer("expires_at", null=True),
    integer("created_at"),
    integer("changed_at"),
    UniqueConstraint("merchant_id", "code_hash"),
)
wallet_warning = table(  # whose wallet is about to expire, and that they were told
    "wallet_warning", ("customer_id",), text("customer_id"), integer("expires_at"), integer("warned_at")
)
tab = table(  # small sales on one hold of a card: what can still be spent is the balance of tab:{tab_id}
    "tab",
    ("tab_id",),
    text("tab_id"),
    text("customer_id"),
    text("store_id"),
    text("station_id"),
    text("connector"),
    text("state"),  # opening, open, closing, unknown, closed, declined
    text("currency"),
    integer("ceiling"),
    integer("captured", default=0),
    text("card_scheme", null=True),
    text("authorisation"),
    text("reason"),
    text("opened_by"),
    integer("created_at"),
    integer("changed_at"),
)

card_hold = table(  # an amount held on a card for a sale to come; what took of it is the payment `taken_by`
    "card_hold",
    ("hold_id",),
    text("hold_id"),
    text("station_id"),
    text("connector"),
    text("state"),  # opening, held, releasing, released, declined
    integer("amount"),
    text("currency"),
    text("taken_by", null=True),
    text("card_scheme", null=True),
    text("entry_mode", null=True),
    text("authorisation"),
    text("reason"),
    text("opened_by"),
    integer("created_at"),
    integer("changed_at"),
)
# --- cards taken while the bank was away ---------------------------------------------------------------------------

forwarding = table(  # a payment that the terminal took at the merchant's risk, and what became of it at the bank
    "forwarding",
    ("payment_id",),
    text("payment_id"),
    text("connector"),
    text("station_id"),
    integer("amount"),
    text("currency"),
    text("state"),  # waiting, sending, forwarded, declined, dropped, paid, lost
    text("reason"),
    integer("created_at"),
    integer("changed_at"),
    text("paid_by", null=True),  # the means by which a declined one was paid since
)
Index("forwarding_by_state", forwarding.c.merchant_id, forwarding.c.state)

# --- transfers by bank ---------------------------------------------------------------------------------------------

awaited_transfer = table(  # what a customer was asked to transfer, by the reference they were given
    "awaited_transfer",
    ("payment_id",),
    text("payment_id"),
    text("reference"),
    integer("amount"),
    text("currency"),
    text("state"),  # awaited, barred, paid
    integer("created_at"),
    UniqueConstraint("merchant_id", "reference"),
)
bank_credit = table(  # a credit the bank told of, once by the bank's own reference of the entry
    "bank_credit",
    ("credit_id",),
    text("credit_id"),
    integer("amount"),
    text("currency"),
    text("reference"),
    integer("booked_at"),
    text("state"),  # matched, unmatched, over, under, late, set_aside
    text("payment_id", null=True),
    text("reason"),
    integer("created_at"),
    integer("changed_at"),
)

Index("tab_by_customer", tab.c.merchant_id, tab.c.customer_id, tab.c.created_at)
Index("tab_by_state", tab.c.merchant_id, tab.c.state)
Index("card_hold_by_state", card_hold.c.merchant_id, card_hold.c.state)
Index("bank_credit_by_state", bank_credit.c.merchant_id, bank_credit.c.state, bank_credit.c.credit_id)
Index("bank_credit_by_payment", bank_credit.c.merchant_id, bank_credit.c.payment_id)
for _side in (transfer.c.debit, transfer.c.credit):  # a wallet's or gift card's movements; no others pay for it
    _stored = where(f"{_side.name} like 'wallet:%' or {_side.name} like 'gift!_card:%' escape '!'")
    Index(
        f"transfer_by_stored_{_side.name}",
        transfer.c.merchant_id,
        _side,
        transfer.c.transfer_id,
        **_stored,
    )

# --- tills that speak nexo -----------------------------------------------------------------------------------------

nexo_login = table(  # the tills that are logged in
    "nexo_login",
    ("poi_id", "sale_system"),
    text("poi_id"),
    text("sale_system"),
    text("station_id"),
    text("operator"),
    text("shift"),
    text("software"),
    integer("created_at"),
)
nexo_message = table(  # a till's request that moves something, by its ServiceID, and the one answer it has
    "nexo_message",
    ("poi_id", "sale_system", "service_id"),
    text("poi_id"),
    text("sale_system"),
    text("service_id"),
    text("message_id"),
    text("station_id"),
    text("category"),
    Column("body_hash", LargeBinary, nullable=False),
    text("echo"),  # JSON: what the answer repeats of the request
    text("subject", null=True),  # the session, or the sale that it takes back
    Column("answer", LargeBinary, nullable=True),  # JSON
    integer("created_at"),
    integer("answered_at", null=True),
)
nexo_spent = table(  # requests whose answers are deleted: the same message again is refused for good
    "nexo_spent",
    ("poi_id", "sale_system", "service_id", "body_hash"),
    text("poi_id"),
    text("sale_system"),
    text("service_id"),
    Column("body_hash", LargeBinary, nullable=False),
)
Index("nexo_message_by_age", nexo_message.c.merchant_id, nexo_message.c.created_at)
Index("nexo_message_by_subject", nexo_message.c.merchant_id, nexo_message.c.subject)
