"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "cf24afc753ab4c1359839b8d65a262d4ca477d246c069b245efc819206ae2842",
}
