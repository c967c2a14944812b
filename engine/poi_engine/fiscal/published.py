"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "45d36b943120a533b0620412b251500e12eec9aa7cbe3af7e4ad85c341a437f1",
}
