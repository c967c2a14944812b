"""French and English: one flat JSON catalogue per language, shared by the page shells and the page modules."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

LANGUAGES = ("fr", "en")
DEFAULT_LANGUAGE = "en"
LANGUAGE_COOKIE = "poi_language"
LOCALE_FOLDER = Path(__file__).parent / "locale"
_RANGE = re.compile(r"^\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([0-9.]{1,5}))?\s*$")
_MAX_RANGES = 20


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """The texts of one language by key."""
    return msgspec.json.decode((LOCALE_FOLDER / f"{language}.json").read_bytes(), type=dict[str, str])


def text(language: str, key: str, **values: object) -> str:
    """The text of `key`, with `{name}` places filled in; an unknown key is a programming error (`KeyError`)."""
    sentence = catalogue(language)[key]
    for name, value in values.items():
        sentence = sentence.replace("{" + name + "}", str(value))
    return sentence


def choose_language(chosen: str | None, accept_language: str, default: str = DEFAULT_LANGUAGE) -> str:
    """The person's own choice if there is one, else the best of `Accept-Language`, else the default."""
    if chosen in LANGUAGES:
        return chosen
    best, best_weight = default, 0.0
    for part in accept_language.split(",")[:_MAX_RANGES]:
        language, weight = _range(part)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _range(part: str) -> tuple[str, float]:
    match = _RANGE.match(part)
    if match is None:
        return "", 0.0
    try:
        return match[1].lower(), float(match[2] or 1)
    except ValueError:
        return "", 0.0
