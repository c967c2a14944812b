"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "3cc4e2415aa624d6e08609e3e9f26aa1d30f645146576eb552bf45155d28ba73",
}
