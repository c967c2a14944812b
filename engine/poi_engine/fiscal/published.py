"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "a25ef8d7ece058eeae7df0bdc184f2f5499cd399b988fbb92bff4e22ec3394d5",
}
