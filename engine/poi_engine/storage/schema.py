"""The one SQL schema, for SQLite and PostgreSQL.

`merchant_id` leads every primary, unique and foreign key, so that the schema distributes by merchant as it is. Times
are microseconds since 1970 (UTC), amounts minor units, documents UTF-8 JSON. Rows of the tables in `IMMUTABLE` are
never updated or deleted: triggers refuse it (see the first migration).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

metadata = MetaData()


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


def _int(name: str, *, null: bool = False, default: int | None = None) -> Column[int]:
    return Column(name, BigInteger, nullable=null, server_default=None if default is None else str(default))


def _table(name: str, key: tuple[str, ...], *parts: SchemaItem) -> Table:
    return Table(name, metadata, _text("merchant_id"), *parts, PrimaryKeyConstraint("merchant_id", *key))


# --- who and where -------------------------------------------------------------------------------------------------

merchant = _table(
    "merchant", (), _text("name"), _text("currency"), _text("language"), _text("settings"), _int("created_at")
)
store = _table(
    "store",
    ("store_id",),
    _text("store_id"),
    _text("name"),
    _text("address"),
    Column("lat", Double, nullable=True),
    Column("lon", Double, nullable=True),
    _text("zone"),
    _text("regions"),  # JSON list of ISO 3166 codes
)
station = _table(
    "station",
    ("station_id",),
    _text("station_id"),
    _text("store_id"),
    _text("name"),
    _int("vat_rate"),  # of plain amounts, basis points
    _text("connector"),
)
seller = _table("seller", ("seller_id",), _text("seller_id"), _text("name"), _int("active", default=1))
access = _table(
    "access",
    ("access_id",),
    _text("access_id"),
    _text("role"),
    _text("subject_id"),
    _text("label"),
    _text("scopes"),  # JSON list
    Column("secret_hash", LargeBinary, nullable=False),
    _int("created_at"),
    _int("revoked_at", null=True),
    UniqueConstraint("merchant_id", "secret_hash"),
)
pairing = _table(
    "pairing",
    ("pairing_id",),
    _text("pairing_id"),
    _text("role"),
    _text("subject_id"),
    Column("secret_hash", LargeBinary, nullable=False),
    _int("expires_at"),
    _int("used_at", null=True),
    UniqueConstraint("merchant_id", "secret_hash"),
)
device = _table(  # a customer's phone: its key is derived from the programme key of the epoch and the handle
    "device",
    ("handle",),
    _text("handle"),
    _text("customer_id"),
    _int("epoch"),
    _int("created_at"),
    _int("revoked_at", null=True),
)
programme_key = _table(
    "programme_key", ("epoch",), _int("epoch"), Column("key", LargeBinary, nullable=False), _int("created_at")
)
token_use = _table(  # a rotating code is used once whenever value moves
    "token_use", ("token",), _text("token"), _text("checkout_id"), _int("used_at")
)

# --- customers and catalogue ---------------------------------------------------------------------------------------

customer = _table(
    "customer",
    ("customer_id",),
    _text("customer_id"),
    _text("display_name"),
    _int("pseudonym"),
    _text("language"),
    _text("birthday", null=True),  # ISO date
    _text("tier"),
    _text("segments"),  # JSON list
    _int("visits", default=0),
    _int("spend", default=0),
    _int("last_visit_at", null=True),
    _int("created_at"),
    _int("erased_at", null=True),
)
credential = _table(  # what identifies a customer: a loyalty reference on a card, a chip, a barcode
    "credential",
    ("scheme", "subject"),
    _text("scheme"),
    _text("subject"),
    _text("customer_id"),
    _int("created_at"),
)
product = _table(
    "product",
    ("code",),
    _text("code"),
    _text("label"),
    _text("category"),
    _text("brand"),
    _text("unit"),
    _int("unit_price"),
    _int("vat_rate"),
    _int("cost", null=True),
    _text("gtin", null=True),
    _int("active", default=1),
)
campaign = _table("campaign", ("campaign_id",), _text("campaign_id"), _text("name"), _int("created_at"))
offer = _table(  # the head: which version is live
    "offer",
    ("offer_id",),
    _text("offer_id"),
    _int("version"),
    _text("state"),  # live, paused, removed
    _int("changed_at"),
    _int("changed_in", default=0),  # the catalogue's version that this change made
)
offer_version = _table(
    "offer_version",
    ("offer_id", "version"),
    _text("offer_id"),
    _int("version"),
    _text("document"),
    _int("created_at"),
)
catalogue = _table("catalogue", (), _int("version"))
coupon = _table(  # a personal code for a later visit
    "coupon",
    ("code",),
    _text("code"),
    _text("customer_id"),
    _text("offer_id"),
    _text("sale_id"),
    _int("expires_at"),
    _int("used_at", null=True),
    _int("voided_at", null=True),
)

# --- the ledger: two-phase transfers, double entry -----------------------------------------------------------------

account = _table(
    "account",
    ("account",),
    _text("account"),
    _text("unit"),  # an ISO 4217 code, `points`, or `uses`
    _int("floor"),  # 1: the balance never goes below zero
    _int("debits", default=0),
    _int("credits", default=0),
    _int("debits_pending", default=0),
    _int("credits_pending", default=0),
    CheckConstraint("floor = 0 or credits - debits - debits_pending >= 0", name="never_below_zero"),
    CheckConstraint("debits_pending >= 0 and credits_pending >= 0", name="pending_not_negative"),
)
transfer = _table(
    "transfer",
    ("transfer_id",),
    _text("transfer_id"),
    _text("checkout_id"),  # the checkout, refund or grant it belongs to
    _text("kind"),  # sale, tender, points, reward, cashback, limit, owed, refund, fund ...
    _text("phase"),  # single, pending, post, void
    _text("resolves", null=True),  # the pending transfer that a post or void ends
    _text("debit"),
    _text("credit"),
    _int("amount"),
    _text("unit"),
    _int("created_at"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("debit <> credit", name="two_accounts"),
    UniqueConstraint("merchant_id", "resolves"),  # a pending transfer is resolved at most once
)

# --- checkout, payment, sale ---------------------------------------------------------------------------------------

checkout = _table(
    "checkout",
    ("checkout_id",),
    _text("checkout_id"),
    _text("session_id"),
    _text("store_id"),
    _text("station_id"),
    _text("customer_id", null=True),
    _text("state"),  # reserved, paying, unknown, paid, declined, abandoned
    _int("total"),
    _text("currency"),
    _text("document"),  # the frozen basket, decision, identity and card facts
    _text("sale_id", null=True),
    _int("created_at"),
    _int("changed_at"),
)
payment = _table(
    "payment",
    ("payment_id",),
    _text("payment_id"),
    _text("checkout_id"),
    _text("means"),  # card, cash, wallet
    _text("connector"),
    _text("state"),  # sending, authorised, captured, declined, unknown, reversed, refunded
    _int("amount"),
    _int("guaranteed", default=1),
    _text("card_scheme", null=True),
    _text("card_type", null=True),
    _text("entry_mode", null=True),
    _text("authorisation"),
    _text("reason"),
    _text("document"),  # acquisition reference and what else a resolution needs
    _int("created_at"),
    _int("changed_at"),
)
sale = _table(
    "sale",
    ("sale_id",),
    _text("sale_id"),
    _text("checkout_id"),
    _text("refund_of", null=True),
    _text("store_id"),
    _text("station_id"),
    _text("seller_id", null=True),
    _text("customer_id", null=True),  # the pseudonym; nothing personal
    _text("channel"),
    _text("currency"),
    _int("subtotal"),
    _int("saved"),
    _int("total"),  # negative on a refund
    _int("points"),
    _text("means"),
    _text("card_scheme", null=True),
    _text("card_type", null=True),
    _text("entry_mode", null=True),
    _int("receipt_number"),
    _int("first_visit"),  # 1: the customer's first sale
    _text("local_day"),  # in the store's zone, ISO date
    _int("local_hour"),
    _int("local_weekday"),  # 1 Monday .. 7 Sunday
    _text("document"),  # decision, identity scheme, tenders, points and value movements
    _int("created_at"),
    UniqueConstraint("merchant_id", "checkout_id"),
)
sale_line = _table(
    "sale_line",
    ("sale_id", "line_id"),
    _text("sale_id"),
    _text("line_id"),
    _text("code"),
    _text("label"),
    _text("category"),
    _text("brand"),
    _int("quantity"),
    _text("unit"),
    _int("unit_price"),
    _int("vat_rate"),
    _int("amount"),  # before discounts
    _int("saved"),
    _int("total"),
)
redemption = _table(  # an offer used in a sale
    "redemption",
    ("sale_id", "offer_id"),
    _text("sale_id"),
    _text("offer_id"),
    _int("version"),
    _text("customer_id", null=True),
    _int("saved"),
    _int("value"),
    _int("created_at"),
)
journal = _table(
    "journal",
    ("station_id", "number"),
    _text("station_id"),
    _int("number"),
    _int("format"),
    _text("kind"),  # sale, refund
    _text("sale_id"),
    Column("document", LargeBinary, nullable=False),  # canonical bytes, what the hash covers
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _int("created_at"),
)
journal_head = _table(
    "journal_head", ("station_id",), _text("station_id"), _int("number"), Column("hash", LargeBinary, nullable=False)
)

# --- promises to callers -------------------------------------------------------------------------------------------

idempotency = _table(
    "idempotency",
    ("principal", "key"),
    _text("principal"),
    _text("key"),
    Column("body_hash", LargeBinary, nullable=False),
    _text("subject"),  # what the key made: a checkout, refund or grant id
    _int("status", null=True),  # None while under way
    Column("answer", LargeBinary, nullable=True),
    _int("created_at"),
)
outbox = _table(
    "outbox",
    ("event_id",),
    _text("event_id"),
    _text("kind"),
    _text("document"),
    _int("created_at"),
    _int("delivered_at", null=True),
)
audit = _table(
    "audit",
    ("audit_id",),
    _text("audit_id"),
    _text("who"),
    _text("act"),
    _text("subject_id"),
    _text("why"),
    _int("created_at"),
)

Index("sale_by_day", sale.c.merchant_id, sale.c.created_at)
Index("sale_by_customer", sale.c.merchant_id, sale.c.customer_id, sale.c.created_at)
Index("sale_by_refund", sale.c.merchant_id, sale.c.refund_of)
Index("checkout_by_session", checkout.c.merchant_id, checkout.c.session_id, checkout.c.created_at)
Index("checkout_by_state", checkout.c.merchant_id, checkout.c.state)
Index("payment_by_checkout", payment.c.merchant_id, payment.c.checkout_id)
Index("payment_by_state", payment.c.merchant_id, payment.c.state)
Index("transfer_by_checkout", transfer.c.merchant_id, transfer.c.checkout_id)
Index("offer_by_change", offer.c.merchant_id, offer.c.changed_in)
Index("redemption_by_offer", redemption.c.merchant_id, redemption.c.offer_id, redemption.c.created_at)
Index("credential_by_customer", credential.c.merchant_id, credential.c.customer_id)
Index("coupon_by_customer", coupon.c.merchant_id, coupon.c.customer_id)
Index("product_by_gtin", product.c.merchant_id, product.c.gtin)
Index("access_by_secret", access.c.secret_hash)
Index("pairing_by_secret", pairing.c.secret_hash)
Index("outbox_by_delivery", outbox.c.merchant_id, outbox.c.delivered_at)

IMMUTABLE = ("transfer", "journal", "sale", "sale_line", "offer_version", "redemption", "audit")
"""Tables whose rows are never updated or deleted."""
