"""A till's first request works as docs/nexo.md has it, and answers what stands there."""

import re
from pathlib import Path
from typing import Any

import msgspec

from poi_server.nexo.categories import CATEGORIES
from tests.nexo.test_sell import put_offer
from tests.server.shop import Shop

DOCS = (Path(__file__).parents[2] / "docs" / "nexo.md").read_text("utf-8")


async def test_the_first_request_of_the_documentation_sells(shop: Shop) -> None:
    await put_offer(shop, name={"en": "Ten percent", "fr": "Ten percent"})
    [message] = re.findall(r"<<END\n(.*?)\nEND\n", DOCS, re.DOTALL)
    [answer] = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)
    asked = msgspec.json.decode(message.replace("$STATION", shop.station_id))
    told = await shop.ask("POST", "/nexo", asked, role="till")
    assert told.status == 200, told.content
    _holds(msgspec.json.decode(answer), told.json, "$")


def _holds(documented: Any, told: Any, path: str) -> None:
    """Everything that is documented is told; names and times that differ each time are written with dots."""
    if isinstance(documented, dict):
        for name, part in documented.items():
            if name != "TimeStamp":
                _holds(part, told[name], f"{path}.{name}")
    elif isinstance(documented, list):
        for at, part in enumerate(documented):
            _holds(part, told[at], f"{path}[{at}]")
    elif isinstance(documented, str) and documented.endswith("..."):
        assert told.startswith(documented.removesuffix("...")), path
    else:
        assert documented == told, path


def test_every_category_that_is_served_is_documented() -> None:
    table = DOCS.split("| category |", 1)[1].split("\n\n", 1)[0]
    named = set(re.findall(r"\w+", " ".join(line.split("|")[1] for line in table.splitlines()[2:])))
    assert set(CATEGORIES) <= named
