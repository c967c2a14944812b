"""How many decimals our amounts have in each currency. Pure."""

_DIGITS = {
    **dict.fromkeys(
        (
            *("ADP", "AFN", "ALL", "BIF", "BYR", "CLP", "DJF", "ESP", "GNF", "IQD", "IRR", "ISK", "ITL", "JPY", "KMF"),
            *("KPW", "KRW", "LAK", "LBP", "LUF", "MGA", "MGF", "MMK", "MRO", "PYG", "RSD", "RWF", "SLL", "SOS", "STD"),
            *("SYP", "TMM", "TRL", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF", "YER", "ZMK", "ZWD"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimals of the currencies that have other than two, as our own amounts have them."""


def scale_of(currency: str) -> int:
    """How many minor units make a whole one."""
    scale: int = 10 ** _DIGITS.get(currency, 2)
    return scale
