"""Problems at the counter."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "answer-needed": Explanation(
        "No answer to this", "The answer does not fit what is asked.", "Read the station's question and its bounds."
    ),
    "question-open": Explanation(
        "Something else is asked", "A station's screen asks one thing at a time.", "Wait for its answer, or abort it."
    ),
    "no-screen": Explanation(
        "No screen", "No screen of the station showed it in time.", "Open the station's page, with somebody signed in."
    ),
    "decide-again": Explanation(
        "Decide again", "A limit was reached in the meantime.", "Read the session's new decision and ask again."
    ),
    "decision-changed": Explanation(
        "Another decision",
        "What was to be accepted or paid is not what the session shows by now.",
        "Read the session, show its decision to the customer and ask again.",
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
    "override-elsewhere": Explanation(
        "Not here", "Prices are changed by hand at a counter only.", "Leave `override` out."
    ),
    "override-line": Explanation(
        "No product's line",
        "Another price is for a line with a product's code and a line_id of the session.",
        "Set the basket first, then name the line; a plain amount is entered as it shall be.",
    ),
    "override-ordered": Explanation(
        "Ordered before",
        "What was ordered keeps the price that was promised.",
        "Take the line off and enter the product anew.",
    ),
    "line-twice": Explanation("Line twice", "A line is named twice.", "Name each line once."),
    "unknown-line": Explanation("Unknown line", "There is no such line.", "Look at the basket or the sale again."),
    "handed-over": Explanation(
        "Handed over", "The session has gone on at another station meanwhile.", "Serve it there, or open another here."
    ),
    "station-busy": Explanation(
        "Station busy", "Somebody is being served there.", "Finish that sale, give it up, or use another station."
    ),
    "empty-basket": Explanation("Empty basket", "A sale has at least one line.", "Send what is sold in `entries`."),
    "total-above": Explanation(
        "Dearer than accepted",
        "The total is more than `accept_up_to`.",
        "Tell the customer the total and send it again under a new key, with `accept_up_to` as agreed.",
    ),
    "nothing-left": Explanation("Nothing left", "All of it was taken back before.", "Nothing is to be done."),
    "bad-amount": Explanation("Bad amount", "An amount is 1 minor unit or more.", "Send a greater one, or none."),
    "more-than-due": Explanation(
        "More than is due", "Less than that is still to be paid.", "Read the session's `due` and send that or less."
    ),
    "bad-given": Explanation("Not cash", "Only cash is handed over and gives change.", "Leave `given` out."),
    "given-too-little": Explanation(
        "Too little cash", "The cash handed over does not cover the amount.", "Take more, or pay a smaller `amount`."
    ),
    "gift-card-needed": Explanation(
        "Gift card's code",
        "A gift card pays by its code; nothing else has one.",
        "Send `gift_card` with that means only.",
    ),
    "too-many-tenders": Explanation(
        "Too many payments", "Too many payments were tried for one sale.", "Give the sale up, and begin anew."
    ),
    "voucher-not-eligible": Explanation(
        "Not eligible",
        "Meal vouchers pay for products of certain categories only; the message says how much is left.",
        "Take that much by meal voucher, and the rest by another means.",
    ),
    "voucher-cap": Explanation(
        "Meal vouchers of the day",
        "Meal vouchers pay only so much for one customer's day; the message says how much is left.",
        "Take that much by meal voucher, and the rest by another means.",
    ),
    "in-training": Explanation(
        "In training", "This station is in training, where nothing counts.", "End the training, or use another station."
    ),
    "training-over": Explanation(
        "Training over", "The training ended before this exercise did.", "Give the session up, and sell."
    ),
}
