"""Decimals on the wire and minor units inside: exact both ways, never by way of a binary float."""

from decimal import Decimal

from babel.core import get_global
from babel.numbers import get_currency_precision

from poi_engine.errors import RequestError

MOST = 100_000_000
get_global("currency_fractions")  # read from disk now, off the loop


def minor_units(amount: Decimal, currency: str, path: str) -> int:
    """The amount in minor units; more decimals than the currency has are a mistake."""
    digits = get_currency_precision(currency)
    if not amount:
        return 0
    if not amount.is_finite() or amount.adjusted() < -9 or amount.adjusted() > 9 or abs(amount.scaleb(digits)) > MOST:
        raise RequestError("bad-amount", f"An amount is at most {MOST} minor units either way.", path=path)
    scaled = amount.scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise RequestError("too-many-decimals", f"{currency} has {digits} decimals; this is {amount}.", path=path)
    return int(scaled)


def decimal_of(minor: int, currency: str) -> Decimal:
    """The amount as the wire writes it: `12.50`."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))
