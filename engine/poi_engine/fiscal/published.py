"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "dcf23af6e307845015c978fc8d44ec0f874cef42a32de5e9e26e1071aa7256f9",
}
