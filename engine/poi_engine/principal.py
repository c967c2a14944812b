"""Who asks: the merchant, the role and its rights, taken from the credential and never from a body."""

from typing import Literal

from msgspec import Struct

Role = Literal["owner", "manager", "seller", "auditor", "station", "phone", "partner"]
Scope = Literal[
    "decisions",
    "offers:read",
    "offers:write",
    "customers:read",
    "customers:write",
    "segments:write",
    "sales:read",
    "orders:write",
    "bank:write",
    "metrics",
]


class Principal(Struct, frozen=True, kw_only=True):
    """An authenticated caller. `subject_id` is the seller, station, customer or partner; partners have `scopes`.

    `signed_in_at`: the station whose credential asked, when somebody signed in there acts.
    """

    merchant_id: str
    access_id: str
    role: Role
    subject_id: str
    scopes: tuple[Scope, ...] = ()
    signed_in_at: str | None = None

    @property
    def station_id(self) -> str | None:
        """The station where they act, if they act at one."""
        return self.subject_id if self.role == "station" else self.signed_in_at

    @property
    def who(self) -> str:
        """How records name them: `seller:slr_...` for all persons of the staff, `owner:...`, `station:sta_...`."""
        role = "seller" if self.role in ("manager", "auditor") else self.role
        return f"{role}:{self.subject_id}"
