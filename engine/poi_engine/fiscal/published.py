"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "a56793057856b2aeebf7a0f09d486d1ebc59b5a4cc7e0434ef848e253bc6f884",
}
