"""How a request fails: our errors as the standard's conditions, with what went wrong beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from poi_engine.errors import Conflict, DeviceError, Forbidden, NotFound, PoiError, StorageError
from poi_engine.ports import BANK_AWAY
from poi_server.logs import mask_cards
from poi_server.nexo.wire.common import ErrorCondition, Response

SUCCESS = Response(result="Success")


class Failed(Exception):
    """A request's own failure, said in the standard's words."""

    def __init__(self, condition: ErrorCondition, message: str, code: str = "") -> None:
        super().__init__(message)
        self.condition: ErrorCondition = condition
        self.message = message
        self.code = code


class StillOpen(Failed):
    """It has not ended: there is no answer to keep yet; asking again tells."""

    def __init__(self, message: str) -> None:
        super().__init__("InProgress", message, "in-progress")


@contextmanager
def money_may_move() -> Iterator[None]:
    """What breaks in here, of ours, may have moved money: the till is told to ask, never that it failed."""
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        if isinstance(error, PoiError) and error.status < 500:
            raise
        raise StillOpen("Nobody knows yet whether it was done: do not do it again, ask for the status.") from error


_BY_CODE: dict[str, ErrorCondition] = {
    "busy": "Busy",
    "hold-opening": "InProgress",
    "payment-under-way": "Busy",
    "illegal-move": "Busy",
    "station-busy": "Busy",
    "decision-changed": "Busy",
    "revision": "Busy",
    "refund-under-way": "InProgress",
    "refund-unknown": "InProgress",
    "unknown-credential": "InvalidCard",
    "unreadable": "InvalidCard",
    "looks-like-a-card-number": "InvalidCard",
    "badge": "InvalidCard",
    "token-expired": "InvalidCard",
    "token-forged": "InvalidCard",
    "token-replayed": "InvalidCard",
    "token-clock": "InvalidCard",
    "gift-card-code": "InvalidCard",
    "gift-card-closed": "InvalidCard",
    "gift-card-expired": "InvalidCard",
    "insufficient": "Refusal",
    "value-spent": "Refusal",
    "no-card-before-amount": "UnavailableService",
    "nobody-came": "Cancel",
    "question-open": "Busy",
}
DECLINED: dict[str, ErrorCondition] = {
    "terminal-away": "UnavailableDevice",
    "no-terminal": "UnavailableDevice",
    "book-away": "UnavailableDevice",
    "a part of the terminal is not available": "UnavailableDevice",
    "terminal-busy": "Busy",
    "the terminal is busy": "Busy",
    BANK_AWAY: "UnreachableHost",
    "the terminal does not reach its bank": "UnreachableHost",
    "abandoned": "Cancel",
    "abandoned by the customer": "Cancel",
    "nothing was typed in time": "Cancel",
    "wrong PIN": "WrongPIN",
    "the card is not accepted": "InvalidCard",
    "these goods cannot be paid with this card": "PaymentRestriction",
}
"""What a terminal's reason means where no bank said no; all others are a refusal."""
LASTING = frozenset({"nobody-came"})
"""Failures of devices that are an answer: the same request is not tried again."""
_BY_KIND: tuple[tuple[type[PoiError], ErrorCondition], ...] = (
    (Forbidden, "NotAllowed"),
    (NotFound, "NotFound"),
    (Conflict, "NotAllowed"),
    (DeviceError, "UnavailableDevice"),
    (StorageError, "UnavailableService"),
)


def condition_of(error: PoiError) -> ErrorCondition:
    """The standard's word for one of our errors."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    for kind, condition in _BY_KIND:
        if isinstance(error, kind):
            return condition
    return "MessageFormat" if error.status == 422 else "NotAllowed" if error.status < 500 else "UnavailableService"


def declined(what: str, reason: str, code: str = "declined") -> Failed:
    """Nothing was taken or held, and why."""
    return Failed(DECLINED.get(reason, "Refusal"), f"{what} {reason}".strip(), code)


def failure(condition: ErrorCondition, message: str, code: str = "", path: str | None = None) -> Response:
    """A failure and why, as `code=...&message=...`; it is kept, and a till's own words may stand in it."""
    parts = {"code": code, "message": mask_cards(message), "path": path}
    told = "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items() if value)
    return Response(result="Failure", error_condition=condition, additional_response=told)


def failure_of(error: PoiError | Failed) -> Response:
    """The failure that an error means."""
    if isinstance(error, Failed):
        return failure(error.condition, error.message, error.code)
    message = error.message if error.status != 500 else "Something broke here; the log has it."
    return failure(condition_of(error), message, error.code, error.path)
