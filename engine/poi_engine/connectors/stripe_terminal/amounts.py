"""Amounts as the service counts them, which is not how ISO 4217 does everywhere ("Supported currencies"). Pure."""

from poi_engine.connectors.currencies import scale_of
from poi_engine.errors import DeviceError

_WHOLE = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Counted in thousandths, of which only tens are taken."""
_UNCLEAR = frozenset({"UGX"})
"""Listed as without decimals, and described as with two: a hundred times too much is no risk to take."""


def theirs(amount: int, currency: str) -> int:
    """Our minor units as the service's. Raises `DeviceError` where it takes no such amount; nothing was sent then."""
    if currency in _UNCLEAR or scale_of(currency) > _scale(currency):
        raise DeviceError(
            "not-for-this-terminal", f"Nothing was sent: it is unclear how the service counts {currency}."
        )
    if currency in _THOUSANDTHS and amount % 10:
        why = f"Nothing was sent: the service takes {currency} to a hundredth, not to a thousandth."
        raise DeviceError("not-for-this-terminal", why)
    return amount * _scale(currency) // scale_of(currency)


def in_ours(amount: int, currency: str) -> int | None:
    """The service's minor units as ours; None for a fraction of one."""
    whole, rest = divmod(amount * scale_of(currency), _scale(currency))
    return None if rest else whole


def _scale(currency: str) -> int:
    return 1 if currency in _WHOLE else 1000 if currency in _THOUSANDTHS else 100
