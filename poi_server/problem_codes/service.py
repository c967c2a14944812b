"""Problems of the server itself."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "unavailable": Explanation(
        "Unavailable", "A part the server needs is away; nothing was half-written.", "Try again shortly."
    ),
    "busy": Explanation("Too busy", "The server has as many connections as it takes.", "Try again shortly."),
    "internal": Explanation("Broken promise", "The mistake is ours.", "Report it with the request id."),
}
