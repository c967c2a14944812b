"""Which language a visitor gets, and how a text is made."""

import pytest

from poi_server.i18n import choose_language, text


def test_languages_are_chosen_by_weight_and_rubbish_is_passed_over() -> None:
    """An unknown choice counts as none; a header without a known language falls to the default."""
    assert choose_language("fr", "en") == "fr"
    assert choose_language("xx", "en;q=0.2, fr-CA;q=0.9") == "fr"
    assert choose_language(None, "de, ;;q=x, fr;q=0") == "en"
    assert choose_language(None, "fr;q=..", default="fr") == "fr"


def test_an_unknown_key_is_a_mistake_of_ours() -> None:
    """Values fill their places; a key that is not there raises."""
    assert text("en", "points_plus", count=3) == "+3 pts"
    with pytest.raises(KeyError):
        text("en", "no.such.key")
