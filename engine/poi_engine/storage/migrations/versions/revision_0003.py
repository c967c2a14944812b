"""The shop: insights, sellers, clientele, goods, campaigns, orders, messages."""

from alembic import op

revision = "0003"
down_revision = "0002"

_IMMUTABLE: tuple[str, ...] = ()

_INSIGHTS = """
"""
_SELLERS = """
"""
_CLIENTELE = """
"""
_GOODS = """
"""
_CAMPAIGNS = """
"""
_ORDERS = """
"""
_MESSAGES = """
"""
_PARTS = (_INSIGHTS, _SELLERS, _CLIENTELE, _GOODS, _CAMPAIGNS, _ORDERS, _MESSAGES)


def upgrade() -> None:
    """Create what the shop needs; the triggers of the immutable tables are those of the first revision."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for part in _PARTS:
        for statement in filter(None, part.replace("{blob}", "bytea" if postgresql else "blob").strip().split(";\n")):
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
