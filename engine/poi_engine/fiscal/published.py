"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "e2a880c308dfa3ab46fec86c7f5e6fda42e268fc589d341a20f9428fd5f897e8",
}
