"""How often a report was given back by a worker that stopped, whether its file is gone, and indexes for all that."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("stops", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE jobs SET removed = expired")
    op.drop_index("jobs_ended", "jobs")
    there = sa.column("removed") == sa.false()
    op.create_index("jobs_there", "jobs", ["ended_ms"], sqlite_where=there, postgresql_where=there)
    kept = sa.and_(sa.column("status") == sa.literal_column("'COMPLETE'"), sa.column("expired") == sa.false())
    op.create_index("jobs_kept", "jobs", ["user_id"], sqlite_where=kept, postgresql_where=kept)
    op.create_index("jobs_user_ended", "jobs", ["user_id", "ended_ms"])
