"""Which calls are the server's own test calls; all earlier ones are not."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """SQLite adds a column with a constant default without touching a row: at once, however many calls there are."""
    op.add_column("calls", sa.Column("test", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.create_index("calls_test_arrived_at", "calls", ["test", "arrived_at"])


def downgrade() -> None:
    """Back to tables without it."""
    op.drop_index("calls_test_arrived_at", "calls")
    op.drop_column("calls", "test")
