"""The guard against card numbers: they are refused wherever they appear, and never repeated."""

import re
from urllib.parse import unquote

from poi_qr.payloads.digits import luhn_valid, valid_gtin

_SHORTEST = 13
_RUN = re.compile(r"(?<!\d)\d{13,19}(?!\d)")
_GROUPED = re.compile(r"(?<!\d)(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})(?!\d)")


def holds_card_number(text: str) -> bool:
    """True when `text` has a run of 13 to 19 digits that passes the Luhn check and is no valid GTIN."""
    return len(text) >= _SHORTEST and any(_has_run(form) for form in (text, unquote(text)))


def _has_run(text: str) -> bool:
    runs = [match.group() for match in _RUN.finditer(text)]
    runs += [re.sub(r"[ -]", "", match.group()) for match in _GROUPED.finditer(text)]
    return any(luhn_valid(run) and not valid_gtin(run) for run in runs)
