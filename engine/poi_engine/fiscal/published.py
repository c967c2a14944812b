"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "30971dc16cc25e9c531c4cd3bff958d5ac2ddd04e90b605c3884edac854136d6",
}
