"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "8e7b1e30413e10b2626f8031676b814fc847288720e541c97d36d67d40bfacb7",
}
