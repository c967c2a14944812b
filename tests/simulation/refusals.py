"""With what the simulated tills are refused in the course of things."""

EXPECTED = frozenset(
    {
        *("already-paid", "already-accepted", "assurance-needed", "checkout-closed", "confirmation-required"),
        *("decide-again", "decision-changed", "illegal-move", "insufficient", "more-than-left", "not-accepted"),
        *("not-found", "not-in-doubt", "nothing-left", "payment-under-way", "payment-unknown", "refund-declined"),
        *("refund-under-way", "refund-unknown", "revision", "session-busy", "token-replayed"),
        *("handed-over", "station-busy", "sessions-away", "storage-away", "storage-locked", "storage-full"),
        *("storage-busy", "commit-unknown"),
    }
)
