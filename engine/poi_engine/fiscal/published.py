"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "3540cc4441f0089071ad91f3aa79a2165f555dfae8e845e33ff538060fab6dc9",
}
