"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""

PUBLISHED: dict[str, str] = {
    "1.0": "842d9dab9ee87abeb417d49579991e1850ff851b41a2eb394ea85653562955b3",
}
