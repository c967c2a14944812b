"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "66ba61bc295dcb31b0a9851484e14d8ff7e06f78ed7c11cd0f623d56380467a8",
}
