"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "00e6ad53bff954a9481765a463e8b9db54afb93552b26e7019544254602f4254",
}
