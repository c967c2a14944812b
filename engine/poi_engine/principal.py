"""Who asks: the merchant, the role and its rights, taken from the credential and never from a body."""

from typing import Literal

from msgspec import Struct

Role = Literal["owner", "manager", "seller", "auditor", "station", "phone", "partner"]
Scope = Literal[
    "decisions", "offers:read", "offers:write", "customers:read", "customers:write", "sales:read", "metrics"
]


class Principal(Struct, frozen=True, kw_only=True):
    """An authenticated caller. `subject_id` is the seller, station, customer or partner; partners have `scopes`."""

    merchant_id: str
    access_id: str
    role: Role
    subject_id: str
    scopes: tuple[Scope, ...] = ()
