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


class EmvAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The merchant's account in a national scheme of EMV merchant-presented codes, as its operator gave it.

    `guid` names the scheme, `account` the merchant in it (the subfields 00 and 01 of the object `tag`, 26 to 51);
    `category` is the ISO 18245 code, `country` ISO 3166-1 alpha-2.
    """

    guid: Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,32}\Z")]
    account: Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,60}\Z")]
    tag: Annotated[int, Meta(ge=26, le=51)] = 26
    category: Annotated[str, Meta(pattern=r"^\d{4}\Z")] = "0000"
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] = "FR"
    city: Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,15}\Z")] = "-"


class BankAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where customers transfer money to: `iban`, for EPC codes; `emv`, for merchant-presented EMV codes. Neither: no
    transfers."""

    iban: Annotated[str, Meta(max_length=42)] = ""
    bic: Annotated[str, Meta(max_length=11)] = ""
    beneficiary: Annotated[str, Meta(max_length=70, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""
    emv: EmvAccount | None = None

    @property
    def is_there(self) -> bool:
        """Whether customers can be shown where to."""
        return bool(self.iban) or self.emv is not None


class TabRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How small sales are batched into one capture. `most`: the ceiling of one tab, minor units.

    A tab is closed after `hours`, or as soon as less than `close_below` minor units are left on it.
    """

    most: Annotated[int, Meta(ge=100, le=1_000_000)] = 2_000
    close_below: Annotated[int, Meta(ge=0, le=1_000_000)] = 50
    hours: Annotated[int, Meta(ge=1, le=144)] = 24
