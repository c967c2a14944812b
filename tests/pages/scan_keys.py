"""Which catalogue keys the pages use: literal ones, and the prefixes of those built from values."""

import re
from pathlib import Path

from poi_server.pages.assets import PAGES_FOLDER

_CALL = re.compile(r"(?<![\w.])(t|tn|has|#say)\(")
_LITERAL = re.compile(r'"([^"\n]*)"|`([^`]*)`')
_BUILT = re.compile(r"`([a-z_]+[._][a-z_.]*)\$\{")
_KEY = re.compile(r"[a-z][a-z0-9_]*(?:[.][a-z0-9_:-]+)*\Z")


def scripts() -> list[Path]:
    """Every module of the pages."""
    return sorted((PAGES_FOLDER / "js").rglob("*.js"))


def templates() -> list[Path]:
    """Every shell."""
    return sorted((PAGES_FOLDER / "templates").glob("*.html"))


def mentioned() -> set[str]:
    """Every text in double quotes in a module: keys that reach `t` through a variable are among them."""
    return {found for path in scripts() for found in re.findall(r'"([^"\n]+)"', path.read_text("utf-8"))}


def built_prefixes() -> set[str]:
    """The beginnings of keys that are built anywhere in a module."""
    return {found for path in scripts() for found in _BUILT.findall(path.read_text("utf-8"))}


def used_keys() -> tuple[set[str], set[str]]:
    """Literal keys, and prefixes with the dot or underscore they end in."""
    keys: set[str] = set()
    prefixes: set[str] = set()
    for path in scripts():
        for call in _CALL.finditer(path.read_text("utf-8")):
            _collect(call[1], _first_argument(call.string[call.end() :]), keys, prefixes)
    for path in templates():
        keys.update(re.findall(r't\("([^"]+)"\)', path.read_text("utf-8")))
        prefixes.update(re.findall(r't\("([^"]+)" ~', path.read_text("utf-8")))
    return keys, prefixes


def _first_argument(rest: str) -> str:
    """What stands before the values, or before the call's end."""
    depth = 0
    for place, letter in enumerate(rest):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or (letter == "," and depth == 0):
            return rest[:place]
    return rest


def _collect(call: str, argument: str, keys: set[str], prefixes: set[str]) -> None:
    outside = re.sub(r"\$\{[^{}]*\}", "${}", argument)
    for plain, built in _LITERAL.findall(outside):
        text = plain or built
        if "${" in text:
            prefixes.add(text.split("${")[0])
        elif _KEY.match(text) and ("." in text or call == "tn" or text.startswith("points")):
            keys.update({f"{text}_one", f"{text}_other"} if call == "tn" else {text})
