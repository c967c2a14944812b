"""The words of a name, as a search compares them: lower case, without accents. Pure."""

import unicodedata

WORDS = 8
LETTERS = 40


def words_of(name: str) -> tuple[str, ...]:
    """`Zoé d'Été-Martin` is `zoe`, `d`, `ete`, `martin`; each once, in their order."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    return tuple(dict.fromkeys(word[:LETTERS] for word in kept.split()[:WORDS]))


def short_name(name: str) -> str:
    """What somebody sees who need not know more: the first word, and the next one's initial."""
    first, *others = name.split() or [""]
    return f"{first} {others[-1][0]}." if others else first
