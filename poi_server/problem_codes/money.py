"""Problems with payments, stored value and the fiscal part."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "day-closed": Explanation(
        "Day closed",
        "This station's day is closed: nothing more is sold or refunded there on that day.",
        "Sell at another station, or go on after the store's midnight.",
    ),
    "period-not-over": Explanation(
        "Period not over",
        "There is no month or year of this station that is over and waits for its closing.",
        "Close it when its last day is over, or closed.",
    ),
    "books-moving": Explanation(
        "Books moving", "Receipts and closings of others kept coming in between.", "Close again."
    ),
    "fiscal-key": Explanation(
        "Signing key unusable",
        "The file of the key that signs closings cannot be read, or others can read it.",
        "The server's own administrator mends the file and its permissions.",
    ),
    "fiscal-modified": Explanation(
        "Fiscal part changed",
        "The fiscal part's sources are not those that were published for its version.",
        "Whoever changed them is their publisher and answers for them.",
    ),
}
