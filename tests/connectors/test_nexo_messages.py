"""What the nexo connector reads and writes: amounts as the standard has them, and what a reversal said."""

import pytest
from babel.numbers import get_currency_precision, list_currencies

from poi_engine.connectors.nexo_terminal.messages import Nonsense, decimal, minor, read_body, reversal_said


def test_amounts_have_the_decimals_that_the_currency_has_everywhere_else() -> None:
    """A table of its own may not disagree with the one that prices are written by: it would charge a hundredth."""
    for currency in sorted(list_currencies()):
        assert decimal(10_000, currency) * 10 ** get_currency_precision(currency) == 10_000, currency
        assert minor(decimal(12_345, currency), currency) == 12_345


@pytest.mark.parametrize("value", [5000.004, 123456.789, float("nan"), float("inf")])
def test_a_fraction_of_a_cent_is_no_amount(value: float) -> None:
    with pytest.raises(Nonsense):
        minor(value, "EUR")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({}, "approved"),
        ({"ReversedAmount": 10.0}, "approved"),
        ({"ReversedAmount": 0}, "unknown"),
        ({"ReversedAmount": 4.0}, "unknown"),
        ({"ReversedAmount": 10.0, "Response": {"Result": "Partial"}}, "approved"),
    ],
)
def test_what_a_reversal_gave_back_is_believed_as_it_is_told(body: dict[str, object], outcome: str) -> None:
    said = reversal_said("ref_1", 1000, "EUR", read_body({"Response": {"Result": "Success"}} | body))
    assert said.outcome == outcome


def test_a_part_that_is_not_named_is_nonsense() -> None:
    with pytest.raises(Nonsense, match="a part"):
        reversal_said("ref_1", 1000, "EUR", read_body({"Response": {"Result": "Partial"}}))
