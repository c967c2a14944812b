"""Creditor references (ISO 11649): `RF`, two check digits, and letters that name one payment. Pure."""

import re

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

_OWN = 13  # the last letters of a payment's id: 65 bits, of which 62 are random
_FOUND = re.compile(r"(?=(RF\d\d(?: ?[0-9A-Z]){1,21}))", re.ASCII)


def reference_of(payment_id: str) -> str:
    """The reference that a customer's bank passes on with the transfer for this payment."""
    own = payment_id[-_OWN:].upper()
    return f"RF{mod_97_10.calc_check_digits(own + 'RF')}{own}"


def reference_in(text: str) -> str:
    """The first valid reference in what a bank passed on, structured or free; the empty text when there is none.

    Free text may run on behind it, and one in 97 of those is valid by chance: one as long as ours is tried first.
    """
    all_found = [found[1].replace(" ", "") for found in _FOUND.finditer(text.upper())]
    for letters in [*(one[: 4 + _OWN] for one in all_found), *all_found]:
        if iso11649.is_valid(letters):
            return letters
    return ""
