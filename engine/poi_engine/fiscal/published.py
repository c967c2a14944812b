"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "1685dce74f5bf832ddeaaf76b88083a33cef7adf434f176b169b307d4357ed2a",
}
