"""The first tables: calls, events, attempts, cel_position."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Written out, not taken from the model: a version never changes afterwards."""
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("monotonic", sa.Float),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.UniqueConstraint("call_id", "key", name="events_once"),
    )
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("arrived_at", sa.DateTime, nullable=False),
        sa.Column("last_event_at", sa.DateTime),
        sa.Column("caller_number", sa.Text, nullable=False),
        sa.Column("caller_name", sa.Text, nullable=False),
        sa.Column("dialled", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("category_how", sa.Text),
        sa.Column("area", sa.Text),
        sa.Column("area_how", sa.Text),
        sa.Column("possibly_silent", sa.Boolean, nullable=False),
        sa.Column("plan", sa.Text),
        sa.Column("rules", sa.Text),
        sa.Column("lifeline", sa.Boolean, nullable=False),
        sa.Column("answered_by", sa.Text),
        sa.Column("answered_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("ended_by_sweep", sa.Boolean, nullable=False),
        sa.Column("hung_up_by", sa.Text),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("recording_path", sa.Text),
        sa.Column("recording_started_at", sa.DateTime),
        sa.Column("recording_checked_at", sa.DateTime),
        sa.Column("recording_seconds", sa.Float),
        sa.Column("recording_bytes", sa.Integer),
        sa.Column("recording_sha256", sa.Text),
        sa.Column("recording_problem", sa.Text),
    )
    op.create_index("calls_arrived_at", "calls", ["arrived_at"])
    op.create_index("calls_outcome", "calls", ["outcome"])
    op.create_index(
        "calls_unchecked",
        "calls",
        ["ended_at"],
        sqlite_where=sa.text("recording_path IS NOT NULL AND recording_checked_at IS NULL"),
    )
    op.create_table(
        "attempts",
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("rang_at", sa.DateTime, nullable=False),
        sa.Column("picked_up_at", sa.DateTime),
        sa.Column("accepted_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_table(
        "cel_position",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("offset", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Removes everything."""
    for table in ("cel_position", "attempts", "calls", "events"):
        op.drop_table(table)
