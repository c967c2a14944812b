"""A page's own scripts weigh less than 100 kB at once, as they are written: no build makes them smaller."""

import posixpath
import re
from pathlib import Path

import pytest

from poi_server.pages.assets import PAGES_FOLDER
from poi_server.pages.shells import PAGES, modules_of

BUDGET = 100_000
MOST = {"station": 187_000, "campaigns": 108_000}
"""Pages that exceed it when every dialog was opened in one visit: the sheet, the customer, the order, orders that
wait, the refund, the camera, paying in parts, a price by hand, stored value, a till's question, duplicates of
receipts, selling without the server and what it refuses of that at the counter; the form of an offer in a
campaign. This keeps them from growing."""
LATER = re.compile(r'import\("(\.{1,2}/[^"]+)"\)')
"""A module that comes when it is first wanted."""


def everything(page: str) -> dict[str, int]:
    """Every module that a page can ever load, with its bytes: those of the shell, and what their `import()`s bring."""
    found: dict[str, int] = {}
    waiting = modules_of(page)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = (PAGES_FOLDER / "js" / name).read_text("utf-8")
        found[name] = len(source.encode())
        for other in LATER.findall(source):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
            waiting += modules_of(path.removesuffix(".js"))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_loads_at_once_is_within_the_budget(page: str) -> None:
    sizes = {name: size for name, size in everything(page).items() if name in modules_of(page)}
    assert sum(sizes.values()) < BUDGET, sorted(sizes.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("page", PAGES)
def test_all_that_a_page_can_ever_load_is_bounded(page: str) -> None:
    sizes = everything(page)
    assert sum(sizes.values()) < MOST.get(page, BUDGET), sorted(sizes.items(), key=lambda item: -item[1])


def test_what_comes_later_is_counted() -> None:
    """The camera's module of the counter, and what it imports in turn."""
    assert {"station/scan.js", "camera.js"} <= everything("station").keys() - set(modules_of("station"))


def test_every_module_is_some_pages() -> None:
    """A file that no page loads is a rest of something."""
    files = {path.relative_to(PAGES_FOLDER / "js").as_posix() for path in Path(PAGES_FOLDER / "js").rglob("*.js")}
    assert files - {name for page in PAGES for name in everything(page)} == {"sw.js"}
