"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "f9cfe0b47a989f5e696ebd247a079868bf014e91d3adf06d4d7db4988777ce9b",
}
