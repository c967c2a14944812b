"""A page's own scripts weigh less than 100 kB, as they are written: no build makes them smaller."""

import pytest

from poi_server.pages.assets import PAGES_FOLDER
from poi_server.pages.shells import PAGES, modules_of

BUDGET = 100_000


@pytest.mark.parametrize("page", PAGES)
def test_a_pages_scripts_are_within_the_budget(page: str) -> None:
    """Everything the shell loads at once, together."""
    sizes = {name: (PAGES_FOLDER / "js" / name).stat().st_size for name in modules_of(page)}
    assert sum(sizes.values()) < BUDGET, sorted(sizes.items(), key=lambda item: -item[1])
