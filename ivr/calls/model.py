"""The tables: `calls` and `attempts` are projections of `events`; `cel_position` is how far Asterisk's file was read.

Times are UTC, kept as text that sorts (`2026-11-22 01:02:03.000004`).
"""

from datetime import UTC, datetime

from sqlalchemy import JSON, DateTime, Dialect, Float, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone in Python, UTC without zone in the database. ValueError for a time without zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs a zone: {value}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables of the record of calls."""

    type_annotation_map = {str: Text, float: Float, datetime: UtcTime}  # noqa: RUF012 SQLAlchemy reads it from the class


class EventRow(Base):
    """`events.Event`. There may be events of channels that turn out to be no call: they have no `calls` row."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("call_id", "key", name="events_once"),)

    id: Mapped[int] = mapped_column(primary_key=True, comment="order of arrival in the log, for followers")
    call_id: Mapped[str]
    key: Mapped[str]
    at: Mapped[datetime]
    monotonic: Mapped[float | None]
    source: Mapped[str]
    kind: Mapped[str]
    detail: Mapped[dict[str, object]] = mapped_column(JSON)


# recordings still to be checked: asked every second, few of many
UNCHECKED = "recording_path IS NOT NULL AND recording_checked_at IS NULL"


class CallRow(Base):
    """`projection.CallRecord`, column for field, and its outcome."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("calls_arrived_at", "arrived_at"),
        Index("calls_test_arrived_at", "test", "arrived_at"),  # hundreds of test calls a day, often few others
        Index("calls_outcome", "outcome"),
        Index("calls_unchecked", "ended_at", sqlite_where=text(UNCHECKED)),
    )

    call_id: Mapped[str] = mapped_column(primary_key=True)
    arrived_at: Mapped[datetime]
    last_event_at: Mapped[datetime | None]
    caller_number: Mapped[str]
    caller_name: Mapped[str]
    dialled: Mapped[str]
    endpoint: Mapped[str]
    category: Mapped[str | None]
    category_how: Mapped[str | None]
    area: Mapped[str | None]
    area_how: Mapped[str | None]
    possibly_silent: Mapped[bool]
    plan: Mapped[str | None]
    rules: Mapped[str | None]
    lifeline: Mapped[bool]
    test: Mapped[bool] = mapped_column(server_default=text("0"))
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by_sweep: Mapped[bool]
    hung_up_by: Mapped[str | None]
    stage: Mapped[str]
    outcome: Mapped[str]
    recording_path: Mapped[str | None]
    recording_started_at: Mapped[datetime | None]
    recording_checked_at: Mapped[datetime | None]
    recording_seconds: Mapped[float | None]
    recording_bytes: Mapped[int | None]
    recording_sha256: Mapped[str | None]
    recording_problem: Mapped[str | None]


class AttemptRow(Base):
    """`projection.Attempt`; `place` counts from 0 in the order of ringing."""

    __tablename__ = "attempts"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str]
    rang_at: Mapped[datetime]
    picked_up_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    result: Mapped[str]


class CelPositionRow(Base):
    """`celfile.Position` of one CEL file."""

    __tablename__ = "cel_position"

    path: Mapped[str] = mapped_column(primary_key=True)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    offset: Mapped[int]
