"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "bd7e9a9dab600d1ca0a30d3328f06a09d184a0681902a441444da2d26d79203b",
}
