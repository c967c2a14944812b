"""The reason that a person gives for an act; it goes into the audit."""

from poi_engine.errors import RequestError
from poi_engine.pan import refuse_pan


def must_say_why(reason: str) -> None:
    """Refuse a reason that says nothing, or that would keep a card number."""
    if not reason.strip():
        raise RequestError("reason-needed", "Say why: it goes into the audit.", path="$.reason")
    refuse_pan(reason, "$.reason")
