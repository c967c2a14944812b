"""Problems of who asks."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
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
}
