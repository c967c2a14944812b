"""What looks like a card number is found wherever it stands; what only resembles one is not."""

import pytest

from poi_engine.pan import find_pan, luhn


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        'x:"4111111111111111"',
        "1795352400000000, 4111111111111111",
        "12 is short\n4111111111111111",
    ],
)
def test_a_card_number_is_found_and_masked(text: str) -> None:
    assert find_pan(text) == "411111******1111"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "411111111111",
        "4111111111111112",
        "a4111111111111111",
        "4111111111111111z",
        "94111111111111111",
        "4111  1111  1111  1111",
        "41111111\n11111111",
        "4006381333931",
        "1234567812345670",
    ],
)
def test_what_only_resembles_one_is_not(text: str) -> None:
    assert find_pan(text) is None


SIRET = "443 061 841 00047"


def test_a_siret_is_none_only_where_the_shops_may_stand() -> None:
    assert find_pan(SIRET) == "443061****0047"
    assert find_pan(f"SIRET {SIRET}, RCS Paris", siret=True) is None


@pytest.mark.parametrize("number", ["30569300400023", "36569300100023", "38569300700028", "39569300500021"])
def test_what_begins_as_a_card_of_fourteen_digits_is_one_even_there(number: str) -> None:
    """The check digits are those of a SIREN and a SIRET."""
    assert luhn(number) and luhn(number[:9])
    assert find_pan(f"SIRET {number}", siret=True) is not None


@pytest.mark.parametrize("number", ["44306184200045", "4111 1111 1111 1111", "443 061 841 00047, 4111111111111111"])
def test_what_is_no_siret_is_a_card_number_there_too(number: str) -> None:
    assert find_pan(number, siret=True) is not None
