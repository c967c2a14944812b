"""What looks like a card number is found wherever it stands; what only resembles one is not."""

import pytest

from poi_engine.pan import find_pan


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
