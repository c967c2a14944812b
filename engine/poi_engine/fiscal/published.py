"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "08c48b80221488c229885ac39d438c1f2d55e27a4a439d3c796973972d4002d6",
}
