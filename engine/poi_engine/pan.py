"""Finds what looks like a card number in a text. Pure."""

import re

from poi_engine.errors import RequestError

_RUN = re.compile(r"(?s:[0-9](?=[0-9 -]{12})(?<![0-9A-Za-z].)(?:[ -]?[0-9]){12,18})(?![0-9A-Za-z])")
"""The look ahead comes first: most digits of a document begin a short number, and are passed by at once."""
_DINERS = ("30", "36", "38", "39")
"""How the cards of 14 digits begin."""
_ISSUERS = re.compile(r"4|5[0-8]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|3[0-9]|6")


def find_pan(text: str, *, siret: bool = False) -> str | None:
    """The first card number in the text, masked to its first six and last four digits; None when there is none.

    A card number is a run of 13 to 19 digits (single spaces or hyphens between them allowed) of a card issuer's range
    whose Luhn check digit is right, and which is not a GTIN; nor a SIRET where the text may name the shop's (`siret`).
    """
    for match in _RUN.finditer(text):
        digits = re.sub(r"[ -]", "", match.group())
        if _ISSUERS.match(digits) and luhn(digits) and not gtin(digits) and not (siret and is_siret(digits)):
            return f"{digits[:6]}{'*' * (len(digits) - 10)}{digits[-4:]}"
    return None


def is_siret(digits: str) -> bool:
    """Whether the digits are a French establishment's number, of which the first nine are the company's.

    Both have a Luhn check digit. What begins as the cards of 14 digits do is taken for one.
    """
    return len(digits) == 14 and luhn(digits) and luhn(digits[:9]) and not digits.startswith(_DINERS)


def refuse_pan(text: str | None, path: str) -> None:
    """Refuse a text that would keep a card number."""
    if text and find_pan(text) is not None:
        raise RequestError("card-number", "This is a payment card's number; it is kept nowhere.", path=path)


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    doubled = [int(digit) * (2 if i % 2 else 1) for i, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def gtin(digits: str) -> bool:
    """Whether 13 or 14 digits are a product's number with its check digit."""
    if len(digits) not in (13, 14):
        return False
    return sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(reversed(digits))) % 10 == 0
