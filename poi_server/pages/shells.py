"""The pages' HTML shells: Jinja2 templates held in memory, rendered without touching a file."""

from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from poi_server.i18n import LANGUAGES, catalogue, text
from poi_server.pages.assets import PAGES_FOLDER

SHEETS = {"pair": "home", "join": "home"}
"""The style sheet of a page that has none of its own name."""
MODULES = ("dom", "i18n", "api", "ui")
"""Modules every page loads: fetched at once instead of one after the other."""


class Shells:
    """Every template and both catalogues, read once."""

    def __init__(self) -> None:
        sources = {path.name: path.read_text("utf-8") for path in (PAGES_FOLDER / "templates").glob("*.html")}
        self._environment = Environment(
            loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
        )
        for language in LANGUAGES:
            catalogue(language)

    def render(self, page: str, language: str, static: str, station_id: str) -> str:
        """The shell of `page`; `static` is the address its files are below."""
        context: dict[str, Any] = {
            "page": page,
            "sheet": SHEETS.get(page, page),
            "modules": MODULES,
            "language": language,
            "static": static,
            "station_id": station_id,
            "t": lambda key: text(language, key),
        }
        return self._environment.get_template(f"{page}.html").render(context)
