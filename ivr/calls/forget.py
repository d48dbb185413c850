"""Test calls need not be kept like calls of citizens: after some days their story is deleted.

At one every five minutes they would soon be most of the database. Their results (`Kind.HEARTBEAT`) stay, one event
each.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from ivr.calls.database import Database
from ivr.calls.model import CallRow, EventRow


async def forget_tests(database: Database, before: datetime) -> int:
    """Delete test calls that arrived before then; how many. Raises LogUnavailable."""
    async with database.writing() as connection:
        return await connection.run_sync(_forget, before)


def _forget(connection: Connection, before: datetime) -> int:
    old = select(CallRow.call_id).where(CallRow.test.is_(True), CallRow.arrived_at < before)
    connection.execute(delete(EventRow).where(EventRow.call_id.in_(old)))
    return connection.execute(delete(CallRow).where(CallRow.call_id.in_(old))).rowcount
