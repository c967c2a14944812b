"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "a9218b0653644be8b55de1d1e3fee20ad09d8fd9799264527a68b0b988ceba7e",
}
