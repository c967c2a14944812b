"""The messages as they travel: their types with the wire's names, and how they are spelled."""
