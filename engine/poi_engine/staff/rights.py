"""What a person of the staff may do, by role and by their own settings. Pure."""

from typing import Literal, get_args

from msgspec import Struct

from poi_engine.principal import Principal, Role

Right = Literal[
    "sell",
    "take_payment",
    "load_value",
    "override",
    "close_day",
    "confirm_identity",
    "see_history",
    "refund",
    "resolve",
    "customers",
    "catalogue",
    "stock",
    "orders",
    "campaigns",
    "insights",
    "audit",
    "setup",
    "approve",
]
StaffRole = Literal["manager", "seller", "auditor"]
STAFF_ROLES: frozenset[Role] = frozenset(get_args(StaffRole))

ALL: frozenset[Right] = frozenset(get_args(Right))
AT_COUNTER: frozenset[Right] = frozenset(
    {
        "sell",
        "take_payment",
        "load_value",
        "confirm_identity",
        "see_history",
        "refund",
        "resolve",
        "customers",
        "orders",
    }
)
RIGHTS: dict[Role, frozenset[Right]] = {
    "owner": ALL,
    "manager": ALL,
    "seller": AT_COUNTER | {"override"},
    "auditor": frozenset({"insights", "audit"}),
    "station": AT_COUNTER,
    "phone": frozenset(),
    "partner": frozenset(),
}
"""A role's rights; a station's are the most that a counter may where nobody is signed in. A seller's `refund` has a
limit of money, their `override` one of percent, `resolve` takes a second person, and `close_day` is given to each."""


class Person(Struct, frozen=True, kw_only=True):
    """A manager, seller or auditor; `refund_limit` in minor units within 24 hours, None: without a limit.

    `override_limit`: the percent of a price that a seller takes off or adds alone; managers have no limit.
    `close_day`: whether a seller closes the day of a till; managers do.
    """

    seller_id: str
    name: str
    role: StaffRole = "seller"
    active: bool = True
    take_payment: bool = True
    refund_limit: int | None = None
    override_limit: int = 0
    close_day: bool = False

    @property
    def rights(self) -> frozenset[Right]:
        """The role's rights, less those that the person's settings take away, more what they give a seller."""
        rights = RIGHTS[self.role]
        if self.role == "seller" and self.close_day:
            rights |= {"close_day"}
        return rights if self.take_payment else rights - {"take_payment", "load_value"}


class Acting(Struct, frozen=True, kw_only=True):
    """Who acts in one request. `by` is what records name: the signed-in person before the station's credential."""

    by: Principal
    rights: frozenset[Right]
    person: Person | None = None
    missing: Literal["right-missing", "sign-in-needed"] = "right-missing"

    def may(self, right: Right) -> bool:
        """Whether they have the right."""
        return right in self.rights
