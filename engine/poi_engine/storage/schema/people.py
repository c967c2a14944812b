"""The tables of people: sellers and what they consented to, the clientele."""

from sqlalchemy import Index

from poi_engine.storage.schema.parts import integer, table, text

IMMUTABLE: tuple[str, ...] = ("consent", "consent_text")
"""Tables whose rows are never updated or deleted."""

# --- sellers -------------------------------------------------------------------------------------------------------

station_seller = table(  # who is signed in at a station
    "station_seller",
    ("station_id",),
    text("station_id"),
    text("seller_id"),
    text("how"),  # pin, badge
    integer("signed_in_at"),
    integer("seen_at"),
)
badge = table(  # a card or chip that signs a seller in and out; never a customer's
    "badge",
    ("scheme", "subject"),
    text("scheme"),
    text("subject"),
    text("seller_id"),
    integer("created_at"),
)
approval = table(  # a second person's consent to one act
    "approval",
    ("approval_id",),
    text("approval_id"),
    text("act"),
    text("subject_id"),
    integer("amount"),
    text("approver"),
    integer("created_at"),
    integer("expires_at"),
    text("used_by", null=True),
    integer("used_at", null=True),
    text("used_for", null=True),  # the checkout, a digest of the prices, or the customer and how they were known
)
Index("approval_by_use", approval.c.merchant_id, approval.c.subject_id, approval.c.used_for)
seller_refund = table(  # what a seller refunded without a second person
    "seller_refund",
    ("checkout_id",),
    text("checkout_id"),
    text("seller_id"),
    integer("amount"),
    integer("created_at"),
)
confirmation = table(  # what is asked of a customer who spends more than the merchant's cap, and their word
    "confirmation",
    ("confirmation_id",),
    text("confirmation_id"),
    text("session_id"),
    text("station_id"),
    text("customer_id"),
    integer("amount"),  # of points and stored value together, minor units
    integer("total"),  # of the session
    text("currency"),
    text("state"),  # asked, given, refused
    text("how"),  # phone, pin; empty until there is a word
    integer("created_at"),
    integer("expires_at"),
    text("checkout_id", null=True),  # which used it
)
customer_pin = table(  # chosen on the customer's phone, to confirm at a counter without it
    "customer_pin",
    ("customer_id",),
    text("customer_id"),
    text("pin"),  # a slow hash with its salt and costs
    integer("pin_failures", default=0),
    integer("pin_locked_until", null=True),
)
Index("confirmation_by_session", confirmation.c.merchant_id, confirmation.c.session_id)
Index("confirmation_by_customer", confirmation.c.merchant_id, confirmation.c.customer_id, confirmation.c.expires_at)
Index("badge_by_seller", badge.c.merchant_id, badge.c.seller_id)
Index("station_seller_by_seller", station_seller.c.merchant_id, station_seller.c.seller_id)
Index("seller_refund_by_seller", seller_refund.c.merchant_id, seller_refund.c.seller_id, seller_refund.c.created_at)

# --- clientele -----------------------------------------------------------------------------------------------------

customer_word = table(  # the words of a customer's name, without accents: what a search looks in
    "customer_word", ("word", "customer_id"), text("word"), text("customer_id")
)
customer_note = table(
    "customer_note",
    ("note_id",),
    text("note_id"),
    text("customer_id"),
    text("body"),
    text("who"),
    integer("created_at"),
)
customer_search = table(  # that somebody searched, not for what
    "customer_search", ("search_id",), text("search_id"), text("access_id"), integer("created_at")
)
consent = table(  # each word a customer gave: the last one of a purpose counts, all of them are proof
    "consent",
    ("consent_id",),
    text("consent_id"),
    text("customer_id"),
    text("purpose"),  # membership, profiling, marketing, push
    integer("given"),
    integer("version"),  # of the text that was shown
    text("who"),  # phone:cus_..., seller:slr_...
    text("place"),  # a station or store, or empty
    text("how"),  # phone, spoken, signed, imported
    integer("created_at"),
)
consent_text = table(
    "consent_text",
    ("purpose", "version"),
    text("purpose"),
    integer("version"),
    text("document"),  # JSON: texts by language
    integer("created_at"),
)
referral = table(  # a customer's own code for friends
    "referral",
    ("code",),
    text("code"),
    text("customer_id"),
    integer("rewards", default=0),
    integer("created_at"),
)
referred = table(  # a friend, who gave a code before their first sale
    "referred",
    ("customer_id",),
    text("customer_id"),
    text("code"),
    text("referrer_id"),
    text("sale_id", null=True),
    integer("created_at"),
    integer("rewarded_at", null=True),
)
referral_mark = table(  # digests of the cards and phones that friends came with: none of them comes twice
    "referral_mark", ("mark",), text("mark"), text("customer_id"), integer("created_at")
)
phone_mark = table(  # digests of a browser's own cookie: two customers on one phone
    "phone_mark", ("customer_id", "mark"), text("mark"), text("customer_id"), integer("created_at")
)
Index("customer_word_by_customer", customer_word.c.merchant_id, customer_word.c.customer_id)
Index("customer_note_by_customer", customer_note.c.merchant_id, customer_note.c.customer_id)
Index(
    "customer_search_by_access",
    customer_search.c.merchant_id,
    customer_search.c.access_id,
    customer_search.c.created_at,
)
Index("consent_by_customer", consent.c.merchant_id, consent.c.customer_id)
Index("referral_by_customer", referral.c.merchant_id, referral.c.customer_id)
Index("referred_by_referrer", referred.c.merchant_id, referred.c.referrer_id)
Index("referral_mark_by_customer", referral_mark.c.merchant_id, referral_mark.c.customer_id)
