"""The tables of money beyond the single sale: stored value, transfers by bank, tills that speak nexo."""

IMMUTABLE: tuple[str, ...] = ()
"""Tables whose rows are never updated or deleted."""
