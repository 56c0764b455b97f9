"""The first tables: users, jobs, nodes, secrets.

The columns stand here again, since a step must make what it made when it was released, whatever `tables` says later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_users()
    _create_jobs()
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("loaded_through_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("permissions", sa.Text),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("customers", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("filter", sa.Text, nullable=False),
        sa.Column("delimiter", sa.Text, nullable=False),
        sa.Column("header", sa.Boolean, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("compression", sa.Text, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("rows_total", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("expired", sa.Boolean, nullable=False),
    )
    running = sa.text("status = 'RUNNING'")
    kept = sa.column("expired") == sa.false()
    op.create_index("jobs_running", "jobs", ["user_id", "started_ms"], sqlite_where=running, postgresql_where=running)
    op.create_index("jobs_ended", "jobs", ["ended_ms"], sqlite_where=kept, postgresql_where=kept)
    op.create_index("jobs_started", "jobs", ["started_ms", "id"])
    op.create_index("jobs_user_started", "jobs", ["user_id", "started_ms", "id"])
