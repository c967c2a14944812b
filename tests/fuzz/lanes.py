"""Two lanes for one catalogue: over the compiled matcher, and over its plain twin, in the same process."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from poi_cext import match

PARTS = ("_match", "_words")
COMPILED, TWIN = "compiled", "twin"


def lanes() -> tuple[str, ...]:
    """The lanes there are: without the extension the twin alone."""
    return (COMPILED, TWIN) if match.COMPILED else (TWIN,)


@contextmanager
def lane(name: str) -> Iterator[None]:
    """Everything that `poi_offers` took from the compiled parts is taken from their twins meanwhile."""
    swaps = _swaps() if name == TWIN else ()
    for module, attribute, _, twin in swaps:
        setattr(module, attribute, twin)
    try:
        yield
    finally:
        for module, attribute, compiled, _ in swaps:
            setattr(module, attribute, compiled)


_found: list[tuple[ModuleType, str, Any, Any]] = []


def _swaps() -> list[tuple[ModuleType, str, Any, Any]]:
    if not _found and match.COMPILED:
        _found.extend(_search())
    return _found


def _search() -> Iterator[tuple[ModuleType, str, Any, Any]]:
    ours = [module for name, module in sorted(sys.modules.items()) if name.startswith("poi_offers.")]
    for part in PARTS:
        if f"poi_cext.{part}" not in sys.modules:
            continue
        compiled, twin = sys.modules[f"poi_cext.{part}"], importlib.import_module(f"poi_cext.{part}_py")
        for module in ours:
            for attribute, value in list(vars(module).items()):
                other = getattr(twin, attribute, value)
                if other is not value and value is getattr(compiled, attribute, None):
                    yield module, attribute, value, other
