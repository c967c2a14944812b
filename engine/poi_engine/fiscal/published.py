"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "28989d1e82ed1246d08bb7c217d569eb036c5729f1e5ab26f2b1c38bab855d0d",
}
