"""Errors in families by whose fault they are; each carries a stable code.

`RequestError`: the caller's; `DeviceError`: a reader, scanner or terminal; `StorageError`: SQL or Redis away or full;
`InternalError`: ours. `status` is the HTTP status the API answers with.
"""


class PoiError(Exception):
    """The root: a stable `code`, a sentence for people, and where the mistake is (`$.items[0].quantity`)."""

    status = 500

    def __init__(self, code: str, message: str, *, path: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        if status is not None:
            self.status = status


class RequestError(PoiError):
    """The caller can mend it."""

    status = 422


class NotFound(RequestError):
    """No such thing for this merchant (also the answer for another merchant's thing)."""

    status = 404

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__("not-found", f"There is no {what} {identifier[:64]!r}.")


class Conflict(RequestError):
    """The thing has moved on since the caller looked."""

    status = 409


class Forbidden(RequestError):
    """This credential has not the right."""

    status = 403


class DeviceError(PoiError):
    """A reader, scanner or terminal is away or answered nonsense."""

    status = 502


class StorageError(PoiError):
    """SQL or Redis is away, locked or full; nothing was half-written."""

    status = 503


class InternalError(PoiError):
    """A broken promise of ours."""
