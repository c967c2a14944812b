"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "b835e44b2b822c4a4af83f96c52fa80f3088a8c0f0dbf07b60d8adb173382c7d",
}
