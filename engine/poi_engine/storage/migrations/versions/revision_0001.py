"""The first schema, and the triggers that keep immutable rows as they are."""

from alembic import op

from poi_engine.storage.schema import IMMUTABLE, metadata

revision = "0001"
down_revision = None

_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are immutable', tg_table_name using errcode = 'restrict_violation';
end $$
"""


def upgrade() -> None:
    """Create every table, index and trigger."""
    metadata.create_all(op.get_bind())
    if op.get_context().dialect.name == "postgresql":
        _protect_on_postgresql()
    else:
        _protect_on_sqlite()


def _protect_on_postgresql() -> None:
    op.execute(_REFUSE)
    for table in IMMUTABLE:
        op.execute(
            f"create trigger {table}_immutable before update or delete on {table}"
            " for each row execute function refuse_change()"
        )
        op.execute(
            f"create trigger {table}_kept before truncate on {table}"
            " for each statement execute function refuse_change()"
        )


def _protect_on_sqlite() -> None:
    for table in IMMUTABLE:
        for change in ("update", "delete"):
            op.execute(
                f"create trigger {table}_no_{change} before {change} on {table}"
                f" begin select raise(abort, 'rows of {table} are immutable'); end"
            )
