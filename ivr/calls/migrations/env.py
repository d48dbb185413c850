"""Alembic's entry: works on the connection that `upgrade` put into the configuration."""

from alembic import context

from ivr.calls.model import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter columns in place
)
with context.begin_transaction():
    context.run_migrations()
