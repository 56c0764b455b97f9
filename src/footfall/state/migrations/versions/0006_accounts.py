"""Whose a report or a schedule is: an account, which is never used again, where a user's name may be another's later.

And a stamp that changes with a user's password, on which links stand.
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("users", "jobs", "schedules"):
        op.add_column(table, sa.Column("account", sa.Text, nullable=False, server_default=""))
    op.add_column("users", sa.Column("security_stamp", sa.Text, nullable=False, server_default=""))
    _give_accounts()
    op.create_index("users_account", "users", ["account"], unique=True)
    _give("jobs", "started_ms")
    _give("schedules", "created_ms")
    _index()


def _give_accounts() -> None:
    connection = op.get_bind()
    users = sa.table("users", sa.column("id"), sa.column("account"), sa.column("security_stamp"))
    for user_id in connection.scalars(sa.select(users.c.id)).all():
        values = {"account": str(uuid.uuid4()), "security_stamp": str(uuid.uuid4())}
        connection.execute(sa.update(users).where(users.c.id == user_id).values(values))


def _give(table: str, made_ms: str) -> None:
    """Hand what is there to the user of the name; what is older than they are was another's, and is nobody's now."""
    op.execute(
        f"UPDATE {table} SET account = COALESCE((SELECT users.account FROM users "  # noqa: S608 - our own names
        f"WHERE users.id = {table}.user_id AND users.created_ms <= {table}.{made_ms}), '')"
    )


def _index() -> None:
    for name in ("jobs_running", "jobs_user_started", "jobs_user_ended", "jobs_kept"):
        op.drop_index(name, "jobs")
    op.drop_index("schedules_user", "schedules")
    running = sa.text("status = 'RUNNING'")
    op.create_index("jobs_running", "jobs", ["account", "started_ms"], sqlite_where=running, postgresql_where=running)
    op.create_index("jobs_account_started", "jobs", ["account", "started_ms", "id"])
    op.create_index("jobs_account_ended", "jobs", ["account", "ended_ms"])
    kept = sa.and_(sa.column("status") == sa.literal_column("'COMPLETE'"), sa.column("expired") == sa.false())
    op.create_index("jobs_kept", "jobs", ["account"], sqlite_where=kept, postgresql_where=kept)
    op.create_index("schedules_account", "schedules", ["account"])
