"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "ff8c726ff7ab95e6d1f323d497598bddc449264dd58fce5b07db256256333f47",
}
