"""The pages' HTML shells: Jinja2 templates held in memory, rendered without touching a file."""

import posixpath
import re
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from poi_server.i18n import LANGUAGES, catalogue, text
from poi_server.pages.assets import PAGES_FOLDER

PAGES = (
    "home",
    "pair",
    "join",
    "station",
    "me",
    "dashboard",
    "offers",
    "campaigns",
    "sellers",
    "customers",
    "products",
    "orders",
    "money",
)
SHEETS = {"pair": "home", "join": "home"}
"""The style sheet of a page that has none of its own name."""
_IMPORT = re.compile(r'^import (?:[^"]* from )?"(\./[^"]+|\.\./[^"]+)";', re.MULTILINE)


def modules_of(page: str) -> list[str]:
    """Every module that a page loads, by its path below `js/`: the shell asks for all of them at once."""
    found: list[str] = []
    waiting = [f"{page}.js"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            source = (PAGES_FOLDER / "js" / name).read_text("utf-8")
            waiting += [
                posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in _IMPORT.findall(source)
            ]
    return sorted(found)


class Shells:
    """Every template and both catalogues, read once."""

    def __init__(self) -> None:
        sources = {path.name: path.read_text("utf-8") for path in (PAGES_FOLDER / "templates").glob("*.html")}
        self._environment = Environment(
            loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
        )
        self._modules = {page: modules_of(page) for page in PAGES}
        for language in LANGUAGES:
            catalogue(language)

    def render(self, page: str, language: str, static: str, station_id: str) -> str:
        """The shell of `page`; `static` is the address its files are below."""
        context: dict[str, Any] = {
            "page": page,
            "sheet": SHEETS.get(page, page),
            "modules": self._modules[page],
            "language": language,
            "static": static,
            "station_id": station_id,
            "t": lambda key: text(language, key),
        }
        return self._environment.get_template(f"{page}.html").render(context)
