"""Offers by the catalogue version of their last change. Frozen: a change is a new revision."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Number the changes, and find offers by them."""
    op.execute("alter table offer add column changed_in bigint default 0 not null")
    op.execute("create index offer_by_change on offer (merchant_id, changed_in)")
