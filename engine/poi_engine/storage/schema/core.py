"""The tables of the first sale: who and where, customers, catalogue, checkout, sale, journal, promises."""

from sqlalchemy import Column, Double, Index, LargeBinary, Text, UniqueConstraint

from poi_engine.storage.schema.parts import integer, table, text, where

# --- who and where -------------------------------------------------------------------------------------------------

merchant = table(
    "merchant", (), text("name"), text("currency"), text("language"), text("settings"), integer("created_at")
)
store = table(
    "store",
    ("store_id",),
    text("store_id"),
    text("name"),
    text("address"),
    Column("lat", Double, nullable=True),
    Column("lon", Double, nullable=True),
    text("zone"),
    text("regions"),  # JSON list of ISO 3166 codes
)
station = table(
    "station",
    ("station_id",),
    text("station_id"),
    text("store_id"),
    text("name"),
    integer("vat_rate"),  # of plain amounts, basis points
    text("connector"),
    integer("training", default=0),  # 1: what is done there is an exercise
)
seller = table(  # a person of the staff: a manager, a seller or an auditor
    "seller",
    ("seller_id",),
    text("seller_id"),
    text("name"),
    integer("active", default=1),
    Column("role", Text, nullable=False, server_default="seller"),
    integer("take_payment", default=1),
    integer("refund_limit", null=True),  # minor units within 24 hours; without one, no limit
    text("pin", null=True),  # a slow hash with its salt and costs
    integer("pin_failures", default=0),
    integer("pin_locked_until", null=True),
    integer("override_limit", default=0),  # percent of a price by which a seller changes it alone
    integer("close_day", default=0),
)
access = table(
    "access",
    ("access_id",),
    text("access_id"),
    text("role"),
    text("subject_id"),
    text("label"),
    text("scopes"),  # JSON list
    Column("secret_hash", LargeBinary, nullable=False),
    integer("created_at"),
    integer("revoked_at", null=True),
    UniqueConstraint("merchant_id", "secret_hash"),
)
pairing = table(
    "pairing",
    ("pairing_id",),
    text("pairing_id"),
    text("role"),
    text("subject_id"),
    Column("secret_hash", LargeBinary, nullable=False),
    integer("expires_at"),
    integer("used_at", null=True),
    UniqueConstraint("merchant_id", "secret_hash"),
)
device = table(  # a customer's phone: its key is derived from the programme key of the epoch and the handle
    "device",
    ("handle",),
    text("handle"),
    text("customer_id"),
    integer("epoch"),
    integer("created_at"),
    integer("revoked_at", null=True),
)
programme_key = table(
    "programme_key", ("epoch",), integer("epoch"), Column("key", LargeBinary, nullable=False), integer("created_at")
)
token_use = table(  # a rotating code is used once whenever value moves
    "token_use", ("token",), text("token"), text("checkout_id"), integer("used_at")
)

# --- customers and catalogue ---------------------------------------------------------------------------------------

customer = table(
    "customer",
    ("customer_id",),
    text("customer_id"),
    text("display_name"),
    integer("pseudonym"),
    text("language"),
    text("birthday", null=True),  # ISO date
    text("tier"),
    text("segments"),  # JSON list
    integer("visits", default=0),
    integer("spend", default=0),
    integer("last_visit_at", null=True),
    integer("created_at"),
    integer("erased_at", null=True),
    text("merged_into", null=True),  # who lives on for this one
    integer("absorbed", default=0),  # how many this one lives on for
)
credential = table(  # what identifies a customer: a loyalty reference on a card, a chip, a barcode
    "credential",
    ("scheme", "subject"),
    text("scheme"),
    text("subject"),
    text("customer_id"),
    integer("created_at"),
    integer("unproved_since", null=True),  # staff linked it then, and the customer's own phone has not stood by it
)
product = table(
    "product",
    ("code",),
    text("code"),
    text("label"),
    text("category"),
    text("brand"),
    text("unit"),
    integer("unit_price"),
    integer("vat_rate"),
    integer("cost", null=True),
    text("gtin", null=True),
    integer("active", default=1),
    integer("tracked", default=0),  # 1: its stock is counted
    integer("low_stock", null=True),  # thousandths: at or below this it stands on the low-stock list
    text("parent", null=True),  # the code of the product it is a variant of
    Column("attributes", Text, nullable=False, server_default="{}"),  # JSON: what tells it from the other variants
    integer("content", null=True),  # of a pack, thousandths of `content_unit`
    text("content_unit", null=True),
)
campaign = table(
    "campaign",
    ("campaign_id",),
    text("campaign_id"),
    text("name"),
    integer("created_at"),
    Column("state", Text, nullable=False, server_default="draft"),  # scheduled, live, stopped, ended, removed
    Column("document", Text, nullable=False, server_default="{}"),  # JSON: audience, offers, limits, period, holdout
    integer("revision", default=1),
    integer("started_at", null=True),
    integer("ended_at", null=True),
    integer("changed_at", default=0),
)
offer = table(  # the head: which version is live
    "offer",
    ("offer_id",),
    text("offer_id"),
    integer("version"),
    text("state"),  # live, paused, removed
    integer("changed_at"),
    integer("changed_in", default=0),  # the catalogue's version that this change made
)
offer_version = table(
    "offer_version",
    ("offer_id", "version"),
    text("offer_id"),
    integer("version"),
    text("document"),
    integer("created_at"),
)
catalogue = table("catalogue", (), integer("version"))
coupon = table(  # a personal code for a later visit
    "coupon",
    ("code",),
    text("code"),
    text("customer_id"),
    text("offer_id"),
    text("sale_id"),
    integer("expires_at"),
    integer("used_at", null=True),
    integer("voided_at", null=True),
)

# --- checkout, payment, sale ---------------------------------------------------------------------------------------

checkout = table(
    "checkout",
    ("checkout_id",),
    text("checkout_id"),
    text("session_id"),
    text("store_id"),
    text("station_id"),
    text("customer_id", null=True),
    text("state"),  # reserved, paying, unknown, part_paid, paid, declined, released, abandoned
    integer("total"),
    text("currency"),
    text("document"),  # the frozen basket, decision, identity and card facts
    text("sale_id", null=True),
    integer("created_at"),
    integer("changed_at"),
)
payment = table(
    "payment",
    ("payment_id",),
    text("payment_id"),
    text("checkout_id"),
    text("means"),  # see poi_engine.means
    text("connector"),
    text("state"),  # waiting, sending, unknown, captured, declined, reversing, reversed
    integer("amount"),
    integer("guaranteed", default=1),
    text("card_scheme", null=True),
    text("card_type", null=True),
    text("entry_mode", null=True),
    text("authorisation"),
    text("reason"),
    text("document"),  # acquisition reference and what else a resolution needs
    integer("created_at"),
    integer("changed_at"),
)
sale = table(
    "sale",
    ("sale_id",),
    text("sale_id"),
    text("checkout_id"),
    text("refund_of", null=True),
    text("store_id"),
    text("station_id"),
    text("seller_id", null=True),
    text("customer_id", null=True),  # the pseudonym; nothing personal
    text("channel"),
    text("currency"),
    integer("subtotal"),
    integer("saved"),
    integer("total"),  # negative on a refund
    integer("points"),
    text("means"),
    text("card_scheme", null=True),
    text("card_type", null=True),
    text("entry_mode", null=True),
    integer("receipt_number"),
    integer("first_visit"),  # 1: the customer's first sale
    text("local_day"),  # in the store's zone, ISO date
    integer("local_hour"),
    integer("local_weekday"),  # 1 Monday .. 7 Sunday
    text("document"),  # decision, identity scheme, tenders, points and value movements
    integer("created_at"),
    integer("stored", default=0),  # of the total, stored value that was sold
    UniqueConstraint("merchant_id", "checkout_id"),
)
sale_line = table(
    "sale_line",
    ("sale_id", "line_id"),
    text("sale_id"),
    text("line_id"),
    text("code"),
    text("label"),
    text("category"),
    text("brand"),
    integer("quantity"),
    text("unit"),
    integer("unit_price"),
    integer("vat_rate"),
    integer("amount"),  # before discounts
    integer("saved"),
    integer("total"),
)
redemption = table(  # an offer used in a sale
    "redemption",
    ("sale_id", "offer_id"),
    text("sale_id"),
    text("offer_id"),
    integer("version"),
    text("customer_id", null=True),
    integer("saved"),
    integer("value"),
    integer("created_at"),
)
journal = table(
    "journal",
    ("station_id", "number"),
    text("station_id"),
    integer("number"),
    integer("format"),
    text("kind"),  # sale, refund
    text("sale_id"),
    Column("document", LargeBinary, nullable=False),  # canonical bytes, what the hash covers
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    integer("created_at"),
)
journal_head = table(
    "journal_head",
    ("station_id",),
    text("station_id"),
    integer("number"),
    Column("hash", LargeBinary, nullable=False),
    integer("latest", default=0),  # the time of the last receipt
)

# --- promises to callers -------------------------------------------------------------------------------------------

idempotency = table(
    "idempotency",
    ("principal", "key"),
    text("principal"),
    text("key"),
    Column("body_hash", LargeBinary, nullable=False),
    text("subject"),  # what the key made: a checkout, refund or grant id
    integer("status", null=True),  # None while under way
    Column("answer", LargeBinary, nullable=True),
    integer("created_at"),
)
outbox = table(
    "outbox",
    ("event_id",),
    text("event_id"),
    text("kind"),
    text("document"),
    integer("created_at"),
    integer("delivered_at", null=True),
)
audit = table(
    "audit",
    ("audit_id",),
    text("audit_id"),
    text("who"),
    text("act"),
    text("subject_id"),
    text("why"),
    integer("created_at"),
    text("station_id", null=True),  # where it was done, if at a station
)

Index("sale_by_day", sale.c.merchant_id, sale.c.created_at)
Index("sale_by_local_day", sale.c.merchant_id, sale.c.local_day, sale.c.created_at)
Index("sale_by_customer", sale.c.merchant_id, sale.c.customer_id, sale.c.created_at)
Index("sale_by_refund", sale.c.merchant_id, sale.c.refund_of, **where("refund_of is not null"))
Index("checkout_by_session", checkout.c.merchant_id, checkout.c.session_id, checkout.c.created_at)
Index("checkout_by_state", checkout.c.merchant_id, checkout.c.state, **where("state <> 'paid'"))
Index("payment_by_checkout", payment.c.merchant_id, payment.c.checkout_id)
Index("payment_by_state", payment.c.merchant_id, payment.c.state)
Index("offer_by_change", offer.c.merchant_id, offer.c.changed_in)
Index("redemption_by_offer", redemption.c.merchant_id, redemption.c.offer_id, redemption.c.created_at)
Index("customer_by_merge", customer.c.merchant_id, customer.c.merged_into)
Index("device_by_customer", device.c.merchant_id, device.c.customer_id)
Index("access_by_subject", access.c.merchant_id, access.c.role, access.c.subject_id)
Index("credential_by_customer", credential.c.merchant_id, credential.c.customer_id)
Index("coupon_by_customer", coupon.c.merchant_id, coupon.c.customer_id)
Index("coupon_by_offer", coupon.c.merchant_id, coupon.c.offer_id)
Index("product_by_gtin", product.c.merchant_id, product.c.gtin)
Index("product_by_parent", product.c.merchant_id, product.c.parent)
Index("product_by_tracked", product.c.merchant_id, product.c.tracked, product.c.code)
Index("access_by_secret", access.c.secret_hash)
Index("pairing_by_secret", pairing.c.secret_hash)
Index("campaign_by_state", campaign.c.merchant_id, campaign.c.state)
Index("audit_by_time", audit.c.merchant_id, audit.c.created_at)
Index("audit_by_who", audit.c.merchant_id, audit.c.who, audit.c.created_at)
Index("audit_by_act", audit.c.merchant_id, audit.c.act, audit.c.created_at)
Index("audit_by_subject", audit.c.merchant_id, audit.c.subject_id, audit.c.created_at)
Index("outbox_by_delivery", outbox.c.merchant_id, outbox.c.delivered_at)

IMMUTABLE = ("journal", "sale", "sale_line", "offer_version", "redemption", "audit")
"""Tables whose rows are never updated or deleted."""
