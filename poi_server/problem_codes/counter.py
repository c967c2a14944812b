"""Problems at the counter."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
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
    "nothing-left": Explanation("Nothing left", "All of it was taken back before.", "Nothing is to be done."),
}
