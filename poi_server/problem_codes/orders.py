"""Problems with orders."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
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
}
