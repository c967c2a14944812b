"""Alembic's entry: runs the revisions on the connection that `migrate` hands over, in one transaction."""

from alembic import context

from poi_engine.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can: a migration that is cut short leaves nothing behind
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
