"""French and English are complete, every text is used, and no text stands outside the catalogues."""

import re

import pytest

from poi_server.i18n import LANGUAGES, catalogue
from tests.pages.scan_keys import built_prefixes, mentioned, scripts, templates, used_keys

SERVER_KEYS = {"manifest.name", "manifest.short_name", "manifest.description"}
FORM_FAMILIES = (
    "condition. condition_group. effect. effect_group. field. on. look_back. channel. card_type. entry_mode. "
    "limit_of. limit_per. limit_period."
)
"""Families whose members are the offer model's tags and values; the form's test asks for each of those."""


def test_both_languages_have_the_same_keys() -> None:
    """A text that exists in one language exists in the other."""
    french, english = catalogue("fr"), catalogue("en")
    assert french.keys() == english.keys()


def test_both_languages_fill_in_the_same_values() -> None:
    """A value shown in one language is shown in the other."""
    places = {language: {key: _places(text) for key, text in catalogue(language).items()} for language in LANGUAGES}
    assert places["fr"] == places["en"]


def test_no_text_is_empty_or_left_in_english() -> None:
    """A French sentence is not the English one: only names, units and words that are the same may be."""
    same = {key for key, text in catalogue("fr").items() if text == catalogue("en")[key] and len(text.split()) > 3}
    assert not same - {"app.name"}
    assert all(text.strip() for language in LANGUAGES for text in catalogue(language).values())


def test_every_key_that_is_used_exists() -> None:
    """No page shows a key instead of a text."""
    keys, prefixes = used_keys()
    known = catalogue("en").keys()
    assert keys, "the scanner found no key at all"
    assert keys - known == set()
    assert {prefix for prefix in prefixes if not any(key.startswith(prefix) for key in known)} == set()


def test_every_key_is_used() -> None:
    """A text that no page can show is removed."""
    keys, prefixes = used_keys()
    used = keys | mentioned() | SERVER_KEYS
    built = tuple(prefixes - {""} | built_prefixes()) + tuple(FORM_FAMILIES.split())
    unused = {key for key in catalogue("en") if key not in used and not key.startswith(built)}
    assert unused == set()


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_templates_hold_no_text_of_their_own(path) -> None:  # type: ignore[no-untyped-def]
    """Between the tags stand catalogue texts only, and so do the attributes that people read."""
    source = re.sub(r"\{%.*?%\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    between = re.sub(r"<[^>]*>", "", re.sub(r"\{\{.*?\}\}", "", source, flags=re.DOTALL))
    assert not re.search(r"[^\W\d_]", between), between
    assert not re.search(r"(aria-label|title|placeholder)=\"(?!\{\{)[^\"]", source)
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)", source)


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_modules_hold_no_text_of_their_own(path) -> None:  # type: ignore[no-untyped-def]
    """No sentence is a child, a label or a toast; only Error messages for programmers are English."""
    source = path.read_text("utf-8")
    assert not re.search(r"(aria-label\"?|title|placeholder|alt|label): \"[A-Za-z]", source)
    assert not re.search(r"[,(] \"[A-ZÀ-Ý][a-zà-ÿ]+( [a-zà-ÿ]+)*\"[,)]", source)
    assert not re.search(r"toast\(\"|textContent = \"", source)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setAttribute\(\"style", source)


def _places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))
