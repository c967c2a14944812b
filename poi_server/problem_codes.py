"""Every problem code the API answers with: its title, what it means, how to mend it."""

from typing import NamedTuple


class Explanation(NamedTuple):
    """The words of one code's page."""

    title: str
    meaning: str
    mend: str = ""


CATALOGUE: dict[str, Explanation] = {
    # --- the request itself
    "malformed-request": Explanation(
        "Malformed request", "The request breaks HTTP's own rules.", "Send it with an ordinary HTTP client."
    ),
    "malformed-body": Explanation(
        "Malformed body", "The body is not the JSON or MessagePack it says it is.", "Check the body and Content-Type."
    ),
    "invalid-body": Explanation(
        "Invalid body",
        "The body does not fit the type this route takes; `path` says where.",
        "Compare the field at `path` with the API reference. Unknown fields are refused too.",
    ),
    "invalid-parameter": Explanation(
        "Invalid parameter", "A query or path parameter does not fit.", "`path` names it; see the API reference."
    ),
    "nul-character": Explanation(
        "NUL character", "A text holds the character U+0000, which nothing here can mean.", "Remove it."
    ),
    "bad-period": Explanation(
        "Bad period", "The first day comes after the last, or the period is too long.", "Choose other days."
    ),
    "campaign-over": Explanation(
        "Campaign over", "The campaign's last day has passed.", "Choose a later last day, or none."
    ),
    "campaign-moved-on": Explanation(
        "Campaign moved on", "The campaign is no longer in a state that allows this.", "Look at it again."
    ),
    "campaign-not-a-draft": Explanation(
        "Campaign not a draft",
        "Only a draft can be changed: what runs or has run stays as it was.",
        "Take a scheduled campaign back, or make a copy of it.",
    ),
    "unknown-segment": Explanation(
        "Unknown segment", "The audience names a segment that is not there.", "Choose another segment."
    ),
    "previews-busy": Explanation("Previews busy", "Several previews are under way.", "Ask again in a moment."),
    "suggestions-under-way": Explanation(
        "Suggestions under way", "The suggestions are being computed.", "Look again in a moment."
    ),
    "not-found": Explanation(
        "Not found", "There is nothing here for this credential.", "Check the identifier and whose it is."
    ),
    "method-not-allowed": Explanation(
        "Method not allowed", "This address takes other methods.", "The `Allow` header lists them."
    ),
    "unsupported-media-type": Explanation(
        "Unsupported media type",
        "The body's Content-Type is not one this route reads.",
        "Send application/json or application/msgpack, or on scan routes image/png, image/jpeg or image/webp.",
    ),
    "not-acceptable": Explanation(
        "Not acceptable",
        "The Accept header allows neither JSON nor MessagePack.",
        "Accept application/json or application/msgpack.",
    ),
    "too-large": Explanation(
        "Too large", "The request is larger than this route takes.", "JSON up to 64 KB, images up to 8 MB."
    ),
    "too-slow": Explanation(
        "Too slow", "The request did not arrive whole in time.", "Headers and body have 5 seconds each."
    ),
    "host-unknown": Explanation(
        "Unknown host",
        "The Host header names a server that this one is not.",
        "Use an address that `serve` printed, or add the name to `[http] hosts`.",
    ),
    "tls-required": Explanation(
        "TLS required", "The request came in plain text past the proxy.", "Use the proxy's https address."
    ),
    "origin-refused": Explanation(
        "Origin refused", "A page of another origin sent this request.", "Send it from this server's own pages."
    ),
    "idempotency-key-missing": Explanation(
        "Idempotency-Key missing",
        "This route moves money, points or limits, so it needs an Idempotency-Key header.",
        "Make one UUID for each intended effect, and repeat it when you repeat the request.",
    ),
    "idempotency-key-invalid": Explanation(
        "Idempotency-Key invalid", "The key has 1 to 255 visible ASCII characters.", "A UUID is a good key."
    ),
    "idempotency-mismatch": Explanation(
        "Idempotency-Key used for something else",
        "The same key came with another body before.",
        "Use a new key for a new effect.",
    ),
    "idempotency-in-progress": Explanation(
        "Still under way", "The first request with this key has not finished.", "Repeat the same request shortly."
    ),
    # --- who asks
    "sign-in": Explanation(
        "Sign in", "The request carries no valid credential.", "Send `Authorization: Bearer <secret>`, or sign in at /."
    ),
    "secret-wrong": Explanation(
        "Wrong secret", "Nobody here has this secret, or it was revoked.", "Ask the owner for a new one."
    ),
    "too-many-attempts": Explanation(
        "Too many attempts", "Too many wrong secrets came from this address.", "Wait as long as `Retry-After` says."
    ),
    "role-refused": Explanation(
        "Not for this role", "This credential's role may not do this.", "Use a credential of a role that may."
    ),
    "right-missing": Explanation(
        "Right missing",
        "The person who acts has not the right this needs.",
        "Let somebody sign in who has it, or ask a manager to change the person's rights.",
    ),
    "sign-in-needed": Explanation(
        "Nobody is signed in",
        "Here a person signs in at the station before anything is done.",
        "Sign in with your PIN or badge.",
    ),
    "scope-missing": Explanation(
        "Scope missing", "The API key lacks the scope this route needs.", "Make a key with that scope."
    ),
    "station-refused": Explanation(
        "Another station", "A station's credential works for its own station only.", "Pair this device with it."
    ),
    "pairing-unknown": Explanation(
        "Unknown pairing code", "No pairing has this code.", "Show a new code and scan it again."
    ),
    "pairing-used": Explanation(
        "Pairing code used", "A pairing code works once.", "Show a new code and scan it again."
    ),
    "pairing-expired": Explanation(
        "Pairing code expired", "A pairing code works for a few minutes.", "Show a new code and scan it again."
    ),
    "last-owner": Explanation(
        "The last owner", "Revoking this would lock everybody out.", "Make another owner's credential first."
    ),
    # --- the staff
    "pin-wrong": Explanation("Wrong PIN", "This is not the person's PIN, or they have none.", "Type it again."),
    "pin-locked": Explanation(
        "Too many wrong PINs",
        "After five wrong PINs in a row the person waits: a minute, then longer each time, up to an hour.",
        "Wait, sign in with a badge, or let a manager set a new PIN.",
    ),
    "pin-form": Explanation("No PIN", "A PIN has 4 to 8 digits.", "Take another one."),
    "pin-simple": Explanation("Guessed at once", "The PIN is a row or one digit repeated.", "Take another one."),
    "seller-inactive": Explanation(
        "No access any more", "The person is not active, or has another role by now.", "A manager lets them in again."
    ),
    "role-differs": Explanation(
        "Another role", "A person's devices are paired for the role they have.", "Pair them for their role."
    ),
    "own-rights": Explanation("One's own rights", "Nobody changes their own rights.", "Ask an owner or manager."),
    "owner-needed": Explanation(
        "An owner's act", "Managers, owners' credentials and keys are changed by owners only.", "Ask an owner."
    ),
    "approval-needed": Explanation(
        "A second person is needed",
        "The act goes further than the person may alone: refunds above their limit, or the end of a doubtful payment.",
        "Let a manager or owner consent (`POST /v1/approvals`) and repeat the request with `approval_id`.",
    ),
    "approval-unknown": Explanation("Unknown consent", "There is no such consent.", "Ask for one."),
    "approval-used": Explanation("Consent used", "A consent serves one act.", "Ask for another one."),
    "approval-expired": Explanation("Consent expired", "A consent is good for two minutes.", "Ask for another one."),
    "approval-differs": Explanation(
        "Another consent", "The consent was for another act, another subject, or for less.", "Ask for the right one."
    ),
    "approval-own": Explanation("One's own act", "Nobody consents to what they do themselves.", "Ask somebody else."),
    "may-not-approve": Explanation(
        "May not consent", "Only an owner or a manager consents.", "Ask one of them for their PIN."
    ),
    "approval-limit": Explanation(
        "Above their own limit",
        "Nobody consents to a refund that they could not make alone.",
        "Ask somebody with a higher limit.",
    ),
    "limit-above-own": Explanation(
        "Above your own limit", "Nobody gives another person more than they may themselves.", "Ask an owner."
    ),
    "badge-taken": Explanation("Somebody's badge", "The card is another person's badge.", "Take it away there first."),
    "badge-is-customers": Explanation(
        "A customer's card", "The card identifies a customer.", "Take a card that is nobody's."
    ),
    "card-is-badge": Explanation("A badge", "The card signs a person of the staff in.", "Take another card."),
    # --- the counter
    "decide-again": Explanation(
        "Decide again", "A limit was reached in the meantime.", "Read the session's new decision and ask again."
    ),
    "illegal-move": Explanation(
        "Not now", "The session's state does not allow this.", "Read the session; it has moved on."
    ),
    "session-changed": Explanation(
        "The session has changed", "Somebody else was faster.", "Read the session and try again."
    ),
    "too-many-photos": Explanation(
        "Too many photos", "Photos come faster than they can be read.", "Send it again in a moment."
    ),
    "insufficient": Explanation("Insufficient", "The balance or limit is too small.", "Read it and ask for less."),
    # --- customers
    "search-too-short": Explanation(
        "Too few letters", "Customers are found by three letters and more, never listed.", "Write more of the name."
    ),
    "too-many-requests": Explanation(
        "Too many requests",
        "The credential asks faster than `limits.requests_per_second` of the configuration.",
        "Wait as long as `Retry-After` says, and spread the requests.",
    ),
    "too-many-searches": Explanation(
        "Too many searches",
        "This credential has searched for customers more often than anybody needs to.",
        "Wait as long as `Retry-After` says.",
    ),
    "not-present": Explanation(
        "The customer is not here",
        "A seller sees the history of the customer who stands at the counter.",
        "Identify the customer in a session, and name it in `session_id`.",
    ),
    "assurance-needed": Explanation(
        "Not proved",
        "A card that anybody may carry is not enough for this.",
        "Scan the customer's rotating code, or confirm who they are.",
    ),
    "confirmation-required": Explanation(
        "The customer's own word",
        "More points and stored value would be spent than the merchant lets a session spend without asking.",
        "Wait for the customer's yes on their phone, or their PIN, and accept or pay again.",
    ),
    "confirmation-expired": Explanation(
        "Too late", "The question stood for five minutes.", "Accept or pay again: the customer is asked anew."
    ),
    "confirmation-answered": Explanation("Answered", "The customer gave another answer before."),
    "nothing-asked": Explanation(
        "Nothing asked", "This session does not wait for its customer's word.", "Accept or pay first."
    ),
    "consent-needed": Explanation(
        "The customer has to agree",
        "A seller makes somebody known by name only with their agreement on record.",
        "Show the text `membership`, and send `consent` with its version.",
    ),
    "birthday-set": Explanation(
        "The birthday is on file",
        "A birthday brings offers, so it is told once; after that only a manager changes it.",
        "Ask a manager.",
    ),
    "text-changed": Explanation(
        "The text has changed",
        "An agreement is to the newest version of the text.",
        "Read /v1/consent-texts and ask again.",
    ),
    "merged-elsewhere": Explanation(
        "Merged already", "One of the two records was merged with another one.", "Find both again and look."
    ),
    "referred-oneself": Explanation(
        "Not a friend",
        "The code belongs to the same person, or a card or phone of somebody who was referred before was used.",
    ),
    "referred-before": Explanation("Referred before", "A friend's code counts once."),
    "not-new": Explanation("Not new", "A friend's code is given before the first purchase."),
    "referral-limit": Explanation("Enough friends", "The code has brought as many friends as the programme rewards."),
    # --- us
    "unavailable": Explanation(
        "Unavailable", "A part the server needs is away; nothing was half-written.", "Try again shortly."
    ),
    "busy": Explanation("Too busy", "The server has as many connections as it takes.", "Try again shortly."),
    "internal": Explanation("Broken promise", "The mistake is ours.", "Report it with the request id."),
    # --- segments and lift
    "superseded": Explanation(
        "Superseded", "The same person asked for another size before this one was counted.", "Use the later answer."
    ),
    "segment-used": Explanation(
        "Segment used", "Offers or campaigns need this segment.", "Remove them, or take it out of their conditions."
    ),
    "segment-unknown": Explanation(
        "Unknown segment", "The offer names a segment there is not.", "GET /v1/segments lists them."
    ),
    "segment-built-in": Explanation(
        "Built-in segment", "The built-in segments cannot be changed.", "Write one of your own."
    ),
    "segment-of-segments": Explanation(
        "Segment of segments",
        "A segment's conditions may name built-in segments and words given by hand, no other segment and no coupon.",
        "Write the other segment's conditions out.",
    ),
    "too-many-segments": Explanation(
        "Too many segments", "A merchant has at most 200 segments of their own.", "Remove one first."
    ),
    "campaign-not-started": Explanation(
        "Not started", "The campaign has no sales yet to look at.", "Start it, and ask when it has run for a while."
    ),
    "no-holdout": Explanation(
        "No holdout",
        "The offer holds nobody out, so that there is nothing to measure its effect against.",
        "Give the next offer a holdout: a share of customers who go without it.",
    ),
    # --- products and stock
    "push-keys-wrong": Explanation(
        "No push keys", "The keys of the subscription are not those of a browser.", "Send what the Push API gives."
    ),
    "push-service-unknown": Explanation(
        "Unknown push service",
        "The subscription's address is not one of a push service in the configuration.",
        "Add the service's host to `push.services`.",
    ),
    "no-consent": Explanation(
        "No consent", "The customer has not agreed to this.", "Ask first: `PUT /v1/me/consents/{purpose}`."
    ),
    "being-sent": Explanation("Being sent", "The same notification is on its way.", "Wait until it is sent."),
    "too-many-products": Explanation(
        "Too many products", "Side by side there is place for a few products only.", "Name 1 to 4 codes in `codes`."
    ),
    "which-station": Explanation("Which station", "The answer depends on the counter.", "Name it in `station_id`."),
    "not-in-stock": Explanation(
        "Not in stock", "A place has less of a product than is asked for.", "Take less, or from another place."
    ),
    "stock-busy": Explanation("Stock busy", "Sales kept taking the same goods.", "Send the movement again."),
    "place-to": Explanation(
        "Where to", "`to` names where goods are moved: another place, and only for a move.", "Mend `to`."
    ),
    "gtin-taken": Explanation(
        "GTIN taken", "Another product has this GTIN.", "Take it off that product first, or look for a wrong digit."
    ),
    "parent": Explanation(
        "Wrong parent", "A variant's parent is another product that is no variant itself.", "Name the family's product."
    ),
    "content": Explanation("Half a content", "A content has a quantity and a unit.", "Send both, or neither."),
    "starts-in-the-past": Explanation(
        "Starts in the past", "A planned price starts later than now.", "Change the product's price instead."
    ),
    "too-many-plans": Explanation("Too many planned prices", "A product has at most 100.", "Take some back."),
    "bad-picture": Explanation(
        "Unreadable picture", "The file is no picture, or is damaged.", "Send a JPEG, PNG or WebP file."
    ),
    "picture-too-large": Explanation(
        "Picture too large", "The picture has more pixels than are read.", "Send one below 24 million."
    ),
    "picture-too-small": Explanation("Picture too small", "A picture has 16 pixels a side.", "Send a larger one."),
    "too-many-pictures": Explanation("Too many pictures", "A product has at most 8.", "Take one off the sheet first."),
    "unknown-picture": Explanation(
        "Unknown picture", "The product has no such picture, or it is named twice.", "Name each of its pictures once."
    ),
    "import-under-way": Explanation(
        "Import under way", "Another file is being imported.", "Wait for its end, then send this one."
    ),
    # --- orders
    "address-needed": Explanation("Address needed", "Nobody said where to bring it.", "Send it."),
    "address-incomplete": Explanation(
        "Incomplete address", "The country's addresses need a field that is missing; `path` names it.", "Fill it in."
    ),
    "address-wrong": Explanation(
        "Wrong address", "A field does not fit the country's format; `path` names it.", "Compare it with the example."
    ),
    "address-gone": Explanation(
        "No address", "The order has no address, or it was erased.", "Ask the customer where to bring it."
    ),
    "unknown-country": Explanation("Unknown country", "The country is no ISO 3166-1 code.", "Send two letters: FR."),
    "empty-order": Explanation("Empty order", "The order names nothing.", "Send at least one entry."),
    "code-needed": Explanation("Products only", "An order names products, no plain amounts.", "Send their codes."),
    "no-delivery": Explanation("No delivery", "This shop brings nothing.", "Order it to be fetched."),
    "no-store": Explanation("No store", "Goods are fetched at a store.", "Name a store in `store_id`."),
    "unknown-place": Explanation(
        "Unknown place", "Goods come from a store or from `central`.", "See `GET /v1/stock/places`."
    ),
    "too-soon": Explanation("Too soon", "The order needs more time, or that time is past.", "Choose a later time."),
    "too-late": Explanation("Too far ahead", "Orders are not taken that far ahead.", "Choose an earlier time."),
    "too-many-orders": Explanation(
        "Too many orders", "As many orders as are allowed wait unpaid.", "Fetch one, or cancel one."
    ),
    "partner-holds-too-much": Explanation(
        "Too much held", "Your unpaid orders would hold more of this product than you may.", "Order less, or pay some."
    ),
    "orders-closed": Explanation("No orders", "This shop takes no orders ahead now.", "Buy at the counter."),
    "illegal-order-move": Explanation(
        "Not from here", "The order cannot go there from its state.", "Its `next` lists where it can."
    ),
    "order-move-refused": Explanation(
        "Not by this", "The order comes to that state another way: by a payment, a refund, or staff.", "Use that way."
    ),
    "order-unpaid": Explanation(
        "Order unpaid", "The order is not paid.", "Open it at a station and take the payment, or cancel it."
    ),
    "order-paid": Explanation("Order paid", "The order is paid.", "To undo it, take it back with a refund."),
    "order-closed": Explanation("Order closed", "The order has come to its end.", "Place a new one."),
    "order-being-paid": Explanation(
        "Order being paid", "A station is taking its payment.", "Wait for the payment's end, or give that sale up."
    ),
    "nothing-to-mend": Explanation("Nothing to mend", "The request changes nothing.", "Send what is to be changed."),
    "order-left": Explanation("Order left", "The goods are on their way, or there.", "Call the shop."),
    "line-twice": Explanation("Line twice", "A line is named twice.", "Name each line once."),
    "unknown-line": Explanation("Unknown line", "There is no such line.", "Look at the basket or the sale again."),
    "handed-over": Explanation(
        "Handed over", "The session has gone on at another station meanwhile.", "Serve it there, or open another here."
    ),
    "station-busy": Explanation(
        "Station busy", "Somebody is being served there.", "Finish that sale, give it up, or use another station."
    ),
    "nothing-left": Explanation("Nothing left", "All of it was taken back before.", "Nothing is to be done."),
    "naive-time": Explanation("Time without offset", "The time does not say its zone.", "Add the offset, such as `Z`."),
}
