"""The tables of the fiscal part beside the journal: closings, events, training."""

IMMUTABLE: tuple[str, ...] = ()
"""Tables whose rows are never updated or deleted."""
