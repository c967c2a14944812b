"""What a bad code, image or token gets: one family, each with a stable code."""


class ScanError(ValueError):
    """Something shown to a scanner was refused; `code` is stable, `message` says what and how to mend it.

    The message never repeats the payload: it may be logged and shown.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class ImageError(ScanError):
    """The picture cannot be read as an image, or is larger than allowed."""


class PayloadError(ScanError):
    """The content of a code is malformed, forbidden or not for this counter."""


class TokenRefused(ScanError):
    """A rotating token was refused.

    Codes: `malformed`, `unknown-epoch`, `forged`, `expired`, `clock`, `replayed`.
    """
