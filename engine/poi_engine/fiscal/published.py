"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "0e19412f977aa1c9263c59a4b18adc49419aa2f7501c76acd992185ce7a83305",
}
