"""Accounts without a floor in parts, one for each connection that writes: sales no longer wait for each other there."""

from alembic import op

revision = "0006"
down_revision = "0005"

_ON_POSTGRESQL = (
    "alter table account add column part bigint default 0 not null",
    "alter table account drop constraint account_pkey, add primary key (merchant_id, account, part)",
    "alter table account drop constraint pending_not_negative, add constraint pending_not_negative"
    " check (floor = 0 or debits_pending >= 0 and credits_pending >= 0),"
    " add constraint floor_in_one_part check (floor = 0 or part = 0)",
)
_ON_SQLITE = (  # where keys and checks are as the table was made
    "alter table account rename to account_before",
    "create table account (merchant_id text not null, account text not null, unit text not null, floor bigint not null,"
    " debits bigint default 0 not null, credits bigint default 0 not null, debits_pending bigint default 0 not null,"
    " credits_pending bigint default 0 not null, part bigint default 0 not null,"
    " primary key (merchant_id, account, part),"
    " constraint never_below_zero check (floor = 0 or credits - debits - debits_pending >= 0),"
    " constraint pending_not_negative check (floor = 0 or debits_pending >= 0 and credits_pending >= 0),"
    " constraint floor_in_one_part check (floor = 0 or part = 0))",
    "insert into account select merchant_id, account, unit, floor, debits, credits, debits_pending, credits_pending, 0"
    " from account_before",
    "drop table account_before",
)


def upgrade() -> None:
    """Every account begins as one part."""
    for statement in _ON_POSTGRESQL if op.get_context().dialect.name == "postgresql" else _ON_SQLITE:
        op.execute(statement)
