"""Runs a test over the compiled matcher and over its plain twin."""

import importlib.util
import os
from types import ModuleType

import pytest

from poi_cext import _match_py


def matchers() -> list[ModuleType]:
    """The twin, and the compiled matcher where it was built; where CI is set it must have been."""
    if importlib.util.find_spec("poi_cext._match") is None:
        assert not os.environ.get("CI"), "poi_cext._match was not built"
        return [_match_py]
    return [_match_py, importlib.import_module("poi_cext._match")]


both = pytest.mark.parametrize("matcher", matchers(), ids=lambda module: module.__name__.rpartition(".")[2])
