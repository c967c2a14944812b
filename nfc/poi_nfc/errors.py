"""What can go wrong between a reader and a card; every error carries a stable code."""


class ReaderUnavailable(Exception):
    """The reader cannot be driven here: a wrong path, or a missing part of the system; `detail` says how to mend it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class CardError(Exception):
    """This card cannot be read: the reader is well, and goes on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class CardLost(CardError):
    """The card fell silent while it was read: mostly taken away too early."""

    def __init__(self, detail: str) -> None:
        super().__init__("torn", detail)


class FrameTimeout(Exception):
    """No frame came back from the card in time."""


class FrameError(Exception):
    """A frame came back damaged, or the link broke."""
