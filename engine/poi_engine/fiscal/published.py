"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "5fd461d102cc22b3eb9e72c1533d8eaf45999aad60adec78293b26a68b3f56f1",
}
