"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "58ba4161cd59f089ce27dd132a8642b2767b9081c544e7aafa9b8c8b00bf50ba",
}
