"""What a person gives as a reason is kept for good: it says something, and no card number."""

import pytest

from poi_engine.errors import RequestError
from poi_engine.reasons import must_say_why


@pytest.mark.parametrize(
    ("reason", "code"),
    [("", "reason-needed"), (" \n", "reason-needed"), ("card 4111 1111 1111 1111, the slip says", "card-number")],
)
def test_a_reason_is_refused_that_says_nothing_or_a_card_number(reason: str, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        must_say_why(reason)
    assert (refused.value.code, refused.value.path) == (code, "$.reason")


def test_any_other_is_taken() -> None:
    must_say_why("The slip of 23 November, number 4111, says so.")
