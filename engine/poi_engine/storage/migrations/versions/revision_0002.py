"""Offers by the time of their last change: what a catalogue is kept new with. Frozen: a change is a new revision."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the index."""
    op.execute("create index offer_by_change on offer (merchant_id, changed_at)")
