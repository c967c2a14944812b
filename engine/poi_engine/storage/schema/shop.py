"""The tables of the shop: insights, goods, campaigns, orders, messages."""

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint

from poi_engine.storage.schema.parts import integer, table, text

IMMUTABLE: tuple[str, ...] = ("price_change", "stock_movement")
"""Tables whose rows are never updated or deleted."""

# --- insights ------------------------------------------------------------------------------------------------------

rollup = table(  # what sales add up to, by facet, store ('': all), day, month or year, and value
    "rollup",
    ("facet", "grain", "store_id", "period", "value"),
    text("facet"),
    text("grain"),  # day, month, year
    text("store_id"),
    text("period"),  # in the store's zone: 2026-11-22, 2026-11, 2026
    text("value"),
    integer("sales"),
    integer("refunds"),
    integer("total"),
    integer("refunded"),
    integer("saved"),
    integer("points"),
    integer("quantity"),
    integer("worth"),
)
rollup_due = table("rollup_due", ("sale_id",), text("sale_id"))  # sales and refunds that the rollups do not count yet
newcomer = table(  # the month of a customer's first sale, anywhere ('') and at a store
    "newcomer", ("store_id", "customer_id"), text("store_id"), text("customer_id"), text("month")
)

# --- goods ---------------------------------------------------------------------------------------------------------

product_text = table(
    "product_text",
    ("code", "language"),
    text("code"),
    text("language"),  # en, fr ...
    text("label"),
    text("description"),
)
product_gtin = table("product_gtin", ("gtin", "code"), text("gtin"), text("code"))  # besides product.gtin
picture = table(  # named by its content: what is once sent may be kept for ever
    "picture",
    ("picture_id",),
    text("picture_id"),
    text("content_type"),
    integer("width"),  # pixels
    integer("height"),
    Column("content", LargeBinary, nullable=False),
    Column("small", LargeBinary, nullable=False),
    integer("created_at"),
)
product_picture = table(
    "product_picture", ("code", "picture_id"), text("code"), text("picture_id"), integer("position")
)
price_change = table(  # every price a product ever had: who set it, and when
    "price_change",
    ("code", "change_id"),
    text("code"),
    text("change_id"),
    integer("before", null=True),
    integer("after"),
    text("who"),
    integer("created_at"),
)
price_plan = table(  # a price to come
    "price_plan",
    ("plan_id",),
    text("plan_id"),
    text("code"),
    integer("unit_price"),
    integer("starts_at"),
    text("state"),  # planned, done, cancelled
    text("who"),
    integer("created_at"),
    integer("changed_at"),
)
stock_movement = table(  # why goods moved, where no sale says it; the amounts are transfers of the same id
    "stock_movement",
    ("movement_id",),
    text("movement_id"),
    text("kind"),  # received, moved, counted, lost, found
    text("who"),
    text("why"),
    integer("created_at"),
)
product_import = table(  # how far a file has been read: it goes on where it stopped
    "product_import",
    ("import_id",),
    text("import_id"),
    text("fingerprint"),
    text("state"),  # checking, importing, done, refused
    integer("position"),  # bytes
    integer("line"),
    integer("rows"),
    text("document"),  # figures, and the first mistakes
    text("who"),
    integer("created_at"),
    integer("changed_at"),
)
Index("product_gtin_by_code", product_gtin.c.merchant_id, product_gtin.c.code)
Index("product_picture_by_picture", product_picture.c.merchant_id, product_picture.c.picture_id)
Index("price_plan_by_start", price_plan.c.merchant_id, price_plan.c.state, price_plan.c.starts_at)
Index("price_plan_by_code", price_plan.c.merchant_id, price_plan.c.code)
Index("product_import_by_file", product_import.c.merchant_id, product_import.c.fingerprint)

# --- segments and campaigns ----------------------------------------------------------------------------------------

segment = table(  # the merchant's own; the built-in ones are in the program
    "segment",
    ("segment_id",),
    text("segment_id"),
    text("name"),  # JSON, by language
    text("conditions"),  # JSON
    text("state"),  # counting, ready, removed
    integer("version", default=1),
    integer("created_at"),
    integer("changed_at"),
)
segment_member = table(  # who is in now, and since when
    "segment_member", ("segment_id", "customer_id"), text("segment_id"), text("customer_id"), integer("since")
)
segment_past = table(  # who was in, from when to when
    "segment_past",
    ("segment_id", "customer_id", "since"),
    text("segment_id"),
    text("customer_id"),
    integer("since"),
    integer("until"),
)
segment_due = table(  # whom to judge again, because of a sale or ('') of something else
    "segment_due", ("customer_id", "sale_id"), text("customer_id"), text("sale_id"), integer("created_at")
)
segment_round = table(  # the day for which everybody was judged, and the cut points of its quintiles
    "segment_round",
    (),
    text("day"),
    text("cuts"),  # JSON
    text("runner"),
    integer("until"),  # when a round under way is another process's to take over
)
bought = table(  # when a customer last bought a product, a brand, or something of a category
    "bought",
    ("kind", "value", "customer_id"),
    text("kind"),  # product, brand, category
    text("value"),
    text("customer_id"),
    integer("last_at"),
)
suggestion = table(  # what the figures give reason to do
    "suggestion",
    ("suggestion_id",),
    text("suggestion_id"),
    text("kind"),  # together, companion, quiet_hours, lapsing, birthdays
    text("subject"),  # what it is about: of each kind, each once
    text("state"),  # open, dismissed, used, gone
    text("document"),  # JSON: figures and the draft
    integer("weight"),  # the greater, the further up
    integer("created_at"),
    integer("changed_at"),
    UniqueConstraint("merchant_id", "kind", "subject"),
)
suggestion_round = table(  # the day for which suggestions were computed
    "suggestion_round",
    (),
    text("day"),
    text("runner"),
    integer("until"),  # when a round under way is another process's to take over
    integer("computed_at", null=True),
)
lapsing = table(  # who has stayed away for longer than they use to
    "lapsing", ("customer_id",), text("customer_id"), integer("usual_days"), integer("since")
)
Index("suggestion_by_state", suggestion.c.merchant_id, suggestion.c.state)
Index(
    "segment_member_by_customer",
    segment_member.c.merchant_id,
    segment_member.c.customer_id,
    segment_member.c.segment_id,
)
Index("segment_past_by_customer", segment_past.c.merchant_id, segment_past.c.customer_id)
Index("bought_by_customer", bought.c.merchant_id, bought.c.customer_id)

# --- orders --------------------------------------------------------------------------------------------------------

orders = table(  # what is fetched or brought later; `order` is a word of SQL
    "orders",
    ("order_id",),
    text("order_id"),
    text("state"),  # placed, paid, preparing, ready, on_the_way, delivered, returned, cancelled
    text("how"),  # pick_up, delivery
    text("place"),  # where the goods come from: a store or central
    text("store_id"),  # who hands it over
    text("station_id", null=True),
    text("customer_id", null=True),
    text("contact_id", null=True),
    text("channel"),  # counter, phone, partner
    text("partner", null=True),
    text("currency"),
    integer("total"),
    text("sale_id", null=True),  # once paid
    text("checkout_id", null=True),  # while it is being paid
    integer("wanted_at"),
    text("day"),  # of wanted_at, in the store's zone
    integer("held", default=0),  # whether the ledger holds its goods under its own id
    integer("hold_until", null=True),
    text("document"),  # JSON: the items as ordered, the decision shown
    integer("created_at"),
    integer("changed_at"),
)
order_line = table(
    "order_line",
    ("order_id", "line_id"),
    text("order_id"),
    text("line_id"),
    text("code"),
    text("label"),
    integer("quantity"),
    text("unit"),
    integer("total"),
)
order_contact = table(  # the person in an order: name, address, note; deleted some time after the order's end
    "order_contact",
    ("contact_id",),
    text("contact_id"),
    text("customer_id", null=True),
    text("document"),
    integer("created_at"),
    integer("confirmed_at", null=True),
    integer("ends_at", null=True),
)
Index("orders_by_time", orders.c.merchant_id, orders.c.created_at)
Index("orders_by_state", orders.c.merchant_id, orders.c.state, orders.c.created_at)
Index("orders_by_day", orders.c.merchant_id, orders.c.day, orders.c.created_at)
Index("orders_by_customer", orders.c.merchant_id, orders.c.customer_id, orders.c.created_at)
Index("orders_by_sale", orders.c.merchant_id, orders.c.sale_id)
Index("orders_by_hold", orders.c.merchant_id, orders.c.hold_until)
Index("orders_by_contact", orders.c.merchant_id, orders.c.contact_id)
Index(
    "order_contact_by_customer",
    order_contact.c.merchant_id,
    order_contact.c.customer_id,
    order_contact.c.created_at,
)
Index("order_contact_by_end", order_contact.c.merchant_id, order_contact.c.ends_at)

# --- messages ------------------------------------------------------------------------------------------------------

push_key = table("push_key", (), Column("private", LargeBinary, nullable=False), integer("created_at"))
push_subscription = table(
    "push_subscription",
    ("subscription_id",),
    text("subscription_id"),
    text("customer_id"),
    text("endpoint"),
    text("p256dh"),
    text("auth"),
    text("language"),
    integer("created_at"),
)
Index("push_subscription_by_customer", push_subscription.c.merchant_id, push_subscription.c.customer_id)
notice = table(  # an offer that customers are told of: the sending, from the button to the last phone
    "notice",
    ("notice_id",),
    text("notice_id"),
    text("offer_id"),
    text("request_key"),
    text("state"),  # gathering, sending, done
    text("cursor"),  # while gathering: the last customer looked at
    text("who"),
    integer("created_at"),
    integer("finished_at", null=True),
    UniqueConstraint("merchant_id", "request_key"),
)
notice_phone = table(  # its messages: written before they leave, with what became of each
    "notice_phone",
    ("notice_id", "subscription_id"),
    text("notice_id"),
    text("subscription_id"),
    text("customer_id"),
    text("state"),  # waiting, sending, sent, failed, gone, withdrawn
    integer("tries", default=0),
    integer(
        "due_at"
    ),  # when it is to be sent; while sending, when it is to be sent again if nobody said what became of it
    integer("created_at"),
    integer("changed_at"),
)
Index("notice_by_state", notice.c.merchant_id, notice.c.state)
Index("notice_by_offer", notice.c.merchant_id, notice.c.offer_id, notice.c.created_at)
Index("notice_phone_by_due", notice_phone.c.merchant_id, notice_phone.c.notice_id, notice_phone.c.due_at)
Index("notice_phone_by_customer", notice_phone.c.merchant_id, notice_phone.c.customer_id, notice_phone.c.created_at)
