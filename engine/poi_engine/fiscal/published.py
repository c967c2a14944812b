"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "e7ae30f3ca8d657b129ef526f74a26324ac4f84c3761392ddb3dc9aeac363225",
}
