"""A person's word on what is in doubt: one shape on the wire, whatever it is on."""

from typing import Annotated

from msgspec import Meta, Struct


class Word(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one knows, for the audit; `approval_id`: a second person's consent, which a seller's word takes."""

    reason: Annotated[str, Meta(min_length=3, max_length=500)]
    approval_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
