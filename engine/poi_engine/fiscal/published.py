"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "d31bef9776b6045bbd549c59ffdd5faf7ad2f21982e8287e21a05561525770c8",
}
