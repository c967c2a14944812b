"""Problems of the request itself."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
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
    "naive-time": Explanation("Time without offset", "The time does not say its zone.", "Add the offset, such as `Z`."),
}
