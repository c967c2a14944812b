"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "9f458d86f25742f6f479014b61b371aa284842d28a828b364e734add89345f37",
}
