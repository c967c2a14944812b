"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "6ce6b7e366f65ca50e46638985366b34000826863f362ac2ae9547a0644da256",
}
