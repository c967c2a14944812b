"""The cells of a product file: amounts, rates, quantities, GTINs, contents, as people write them. Pure."""

import re
from collections.abc import Callable
from typing import Any

from poi_engine.goods.products import MAX_PRICE, is_gtin

Values = dict[str, Any]
"""What a row says, by column; None is an empty cell."""

_SPACES = re.compile(r"[\s\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]+")
_MONEY = re.compile(r"(?i)(?:eur|usd|gbp|chf|€|\$|£)")
_NUMBER = re.compile(r"(\d+)(?:[.,](\d*))?\Z", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})+(?:[.,]\d*)?\Z", re.ASCII)
_SCIENTIFIC = re.compile(r"(?i)\d(?:[.,]\d+)?e\+?\d+\Z")
_CONTENT = re.compile(r"([\d.,\s\N{NO-BREAK SPACE}]+)([^\d\s.,]+)\.?\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_YES = frozenset({"1", "yes", "y", "true", "oui", "o", "vrai", "x", "on"})
_NO = frozenset({"0", "no", "n", "false", "non", "faux", "off"})
_UNITS = {
    "piece": ("piece", "pièce", "pieces", "pièces", "pce", "pcs", "pc", "u", "unité", "unite", "unités", "each"),
    "kg": ("kg", "kilo", "kilos", "kilogramme", "kilogram"),
    "l": ("l", "litre", "litres", "liter"),
    "m": ("m", "mètre", "metre", "mètres", "meter"),
    "h": ("h", "heure", "heures", "hour"),
}
_CONTENT_UNITS = {
    **{unit: names for unit, names in _UNITS.items() if unit != "h"},
    "g": ("g", "gr", "gramme", "grammes", "gram"),
    "ml": ("ml",),
    "cl": ("cl",),
    "cm": ("cm",),
}
_UNIT_OF = {name: unit for unit, names in _UNITS.items() for name in names}
_CONTENT_UNIT_OF = {name: unit for unit, names in _CONTENT_UNITS.items() for name in names}


class Unreadable(Exception):
    """A cell that means nothing: a stable code, and how to mend it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def decimal(text: str, digits: int) -> int:
    """A number of at most `digits` decimals, in units of its last decimal; comma or point, spaces between thousands."""
    plain = _SPACES.sub("", text)
    if grouped := _GROUPED.match(plain):
        plain = _ungrouped(plain, grouped[1])
    found = _NUMBER.match(plain)
    if found is None or len(found[1]) > 12:
        raise Unreadable("csv-number", "This is no number. Write it like 1234.50 or 1234,50.")
    decimals = (found[2] or "").rstrip("0")
    if len(decimals) > digits:
        raise Unreadable("csv-decimals", f"At most {digits} decimals; thousands are written without a separator.")
    scale: int = 10**digits
    return int(found[1]) * scale + int(decimals.ljust(digits, "0") or 0)


def _ungrouped(plain: str, mark: str) -> str:
    """Thousands are grouped for sure only where the other mark follows, or the same one comes twice."""
    other = "," if mark == "." else "."
    return plain.replace(mark, "") if other in plain or plain.count(mark) > 1 else plain


def _text(limit: int) -> Callable[[str, int], str | None]:
    def read(text: str, _digits: int) -> str | None:
        if _CONTROL.search(text):
            raise Unreadable("csv-control", "The text holds a control character. Remove it.")
        if len(text) > limit:
            raise Unreadable("csv-long", f"The text has {len(text)} characters; at most {limit} are kept.")
        return text or None

    return read


def _code(text: str, _digits: int) -> str:
    if not text:
        raise Unreadable("csv-code", "Every line needs its product's code.")
    if _SCIENTIFIC.match(text):
        raise Unreadable("csv-scientific", _SPREADSHEET)
    if text.startswith("value:"):
        raise Unreadable("csv-reserved", "Codes that begin with value: sell stored value; take another.")
    return _text(64)(text, 0) or ""


_SPREADSHEET = "The spreadsheet has shortened this number. Format the column as text and write it anew."


def _price(text: str, digits: int) -> int | None:
    if not text:
        return None
    if "-" in text:
        raise Unreadable("csv-negative", "A price is zero or more.")
    price = decimal(_MONEY.sub("", text), digits)
    if price > MAX_PRICE:
        raise Unreadable("csv-price", f"At most {MAX_PRICE // 10**digits}.")
    return price


def _rate(text: str, _digits: int) -> int | None:
    if not text:
        return None
    rate = decimal(text.replace("%", ""), 2)
    if rate > 10_000:
        raise Unreadable("csv-rate", "A VAT rate is 0 to 100, such as 5.5.")
    return rate


def _quantity(text: str, _digits: int) -> int | None:
    if not text:
        return None
    quantity = decimal(text, 3)
    if quantity > 1_000_000_000:
        raise Unreadable("csv-quantity", "At most 1000000.")
    return quantity


def _flag(text: str, _digits: int) -> bool | None:
    word = text.lower()
    if not word:
        return None
    if word in _YES or word in _NO:
        return word in _YES
    raise Unreadable("csv-flag", "Write yes or no.")


def _unit(text: str, _digits: int) -> str | None:
    if not text:
        return None
    if (unit := _UNIT_OF.get(text.lower().rstrip("."))) is None:
        raise Unreadable("csv-unit", "Write piece, kg, l, m or h.")
    return unit


def gtins(text: str, _digits: int = 0) -> tuple[str, ...]:
    """The GTINs of a cell, separated by spaces, commas, slashes or bars; the check digits are checked."""
    if _SCIENTIFIC.match(text):
        raise Unreadable("csv-scientific", _SPREADSHEET)
    found = []
    for word in filter(None, re.split(r"[\s,;/|]+", text)):
        if not is_gtin(word):
            raise Unreadable("csv-gtin", "A GTIN (EAN) has 8, 12, 13 or 14 digits.")
        if check_digit(word[:-1]) != word[-1]:
            right = check_digit(word[:-1])
            raise Unreadable("csv-check-digit", f"The last digit of {word} would be {right}. Look for a wrong digit.")
        found.append(word)
    if len(found) > 20:
        raise Unreadable("csv-gtin", "At most 20 GTINs.")
    return tuple(dict.fromkeys(found))


def check_digit(digits: str) -> str:
    """The GTIN's check digit of the digits before it."""
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def _attributes(text: str, _digits: int) -> dict[str, str]:
    """`size=M|colour=blue`."""
    pairs = [part.partition("=") for part in text.split("|") if part.strip()]
    found = {name.strip(): value.strip() for name, _, value in pairs}
    if any(not name or not value or len(name) > 60 or len(value) > 60 for name, value in found.items()):
        raise Unreadable("csv-attributes", "Write attributes like size=M|colour=blue.")
    if len(found) > 10:
        raise Unreadable("csv-attributes", "At most 10 attributes.")
    return found


def _content(text: str, _digits: int) -> tuple[int, str] | None:
    """`250 g`, `6 pieces`, `0,75 l`: thousandths and the unit."""
    if not text:
        return None
    found = _CONTENT.match(text)
    unit = _CONTENT_UNIT_OF.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise Unreadable("csv-content", "Write a content like 250 g, 75 cl or 6 pieces.")
    amount = decimal(found[1], 3)
    if not 1 <= amount <= 1_000_000_000:
        raise Unreadable("csv-content", "A content is above zero and at most 1000000.")
    return amount, unit


READERS: dict[str, Callable[[str, int], Any]] = {
    "code": _code,
    "label": _text(200),
    "unit_price": _price,
    "category": _text(200),
    "brand": _text(120),
    "unit": _unit,
    "vat_rate": _rate,
    "cost": _price,
    "gtin": gtins,
    "active": _flag,
    "tracked": _flag,
    "low_stock": _quantity,
    "parent": _text(64),
    "attributes": _attributes,
    "attribute": _text(60),
    "content": _content,
    "description": _text(5000),
}
"""How each column's cells are read: the text and the currency's decimals in, the value out."""
