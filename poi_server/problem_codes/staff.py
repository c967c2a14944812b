"""Problems of the staff's rights."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
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
        "It goes further than the person may alone: refunds and prices above their limit, a doubtful payment's end.",
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
}
