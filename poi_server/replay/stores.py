"""Where the stores stand that requests name by id."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from poi_engine.errors import RequestError
from poi_offers.situation import Place
from poi_server.replay.lines import Mistakes, decoded
from poi_server.replay.requests import checked_place


class Store(Struct, frozen=True, kw_only=True):
    """A store as `GET /v1/stores` shows it; its name and address do not matter here."""

    store_id: str
    zone: str
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    regions: tuple[str, ...] = ()


class _Page(Struct):
    """What `GET /v1/stores` answers."""

    items: list[Store]


_PAGE = msgspec.json.Decoder(_Page)
_ARRAY = msgspec.json.Decoder(list[Store])


def read_stores(content: bytes, name: str) -> dict[str, Place]:
    """Places by store id, from an array of stores or from the answer of `GET /v1/stores`."""
    mistakes = Mistakes(name)
    places = {}
    try:
        array = content.lstrip().startswith(b"[")
        stores = decoded(_ARRAY, content) if array else decoded(_PAGE, content).items
        for number, store in enumerate(stores):
            fields = {field: getattr(store, field) for field in store.__struct_fields__}
            places[store.store_id] = checked_place(Place(**fields), f"$[{number}]" if array else f"$.items[{number}]")
    except RequestError as error:
        mistakes.add(1, error)
    mistakes.refuse()
    return places
