"""Problems with customers and what is theirs."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
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
}
