"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "37cda7a70eafb111e634842133c219f35426b84e471de263e51f711336769c31",
}
