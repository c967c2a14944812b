"""Mistakes in an offer."""


class OfferError(ValueError):
    """An offer that cannot be used: a stable `code`, the JSON `path` of the mistake, and how to mend it."""

    def __init__(self, code: str, path: str, message: str) -> None:
        super().__init__(f"{message} - at `{path}`")
        self.code = code
        self.path = path
        self.message = message
