"""Money: several tenders a sale, stored value, the fiscal part, tills that speak nexo."""

from alembic import op

revision = "0005"
down_revision = "0004"

_PARTS: tuple[str, ...] = ()
_IMMUTABLE: tuple[str, ...] = ()


def upgrade() -> None:
    """Create what the parts need; the triggers of the immutable tables are those of the first revision."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for part in _PARTS:
        text = part.replace("{blob}", "bytea" if postgresql else "blob")
        for statement in filter(None, text.strip().split(";\n")):
            op.execute(statement.rstrip(";"))
    for table in _IMMUTABLE:
        (_protect_on_postgresql if postgresql else _protect_on_sqlite)(table)


def _protect_on_postgresql(table: str) -> None:
    for name, change, each in (("immutable", "update or delete", "row"), ("kept", "truncate", "statement")):
        op.execute(
            f"create trigger {table}_{name} before {change} on {table} for each {each} execute function refuse_change()"
        )


def _protect_on_sqlite(table: str) -> None:
    for change in ("update", "delete"):
        op.execute(
            f"create trigger {table}_no_{change} before {change} on {table}"
            f" begin select raise(abort, 'rows of {table} are immutable'); end"
        )
