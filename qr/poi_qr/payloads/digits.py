"""Check digits: Luhn for card numbers, GS1 modulo 10 for product codes."""


def luhn_valid(digits: str) -> bool:
    """True when the digits pass the Luhn check (ISO/IEC 7812)."""
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def valid_gtin(digits: str) -> bool:
    """True for 8, 12, 13 or 14 ASCII digits with the right GS1 check digit."""
    return len(digits) in (8, 12, 13, 14) and gs1_valid(digits)


def gs1_valid(digits: str) -> bool:
    """True for ASCII digits whose last one is the right GS1 check digit."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    return sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(reversed(digits))) % 10 == 0


def normal_gtin(digits: str) -> str:
    """A valid GTIN in one form: 8 digits, else 13 with a leading zero for UPC-A, else 14 for a case or pallet."""
    if len(digits) == 8:
        return digits
    full = digits.zfill(14)
    if full.startswith("000000"):
        return full[6:]
    return full[1:] if full.startswith("0") else full
