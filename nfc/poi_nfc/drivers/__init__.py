"""Reader drivers, found by the first word of a reader's path."""
