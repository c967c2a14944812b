"""What stored value is subject to: how much one may hold, and how long it lasts. Pure."""

from typing import Annotated

from msgspec import Meta, Struct

Months = Annotated[int, Meta(ge=1, le=600)]
MONTH = 2_629_746_000_000
"""The mean month of the calendar, in microseconds."""


class StoredValueRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts in minor units, times in months; None: without an end.

    `most`: what one wallet or gift card may hold. `wallet_months` counts from the wallet's last movement, `card_months`
    from the gift card's first load. `warn_days`: so long before a wallet expires its customer is told.
    """

    most: Annotated[int, Meta(ge=100, le=100_000_000)] = 25_000
    wallet_months: Months | None = 24
    card_months: Months | None = 24
    warn_days: Annotated[int, Meta(ge=1, le=90)] = 30
