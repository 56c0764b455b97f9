"""Reports that come by themselves: the schedules, and what became of each window."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("every", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("grace_s", sa.BigInteger, nullable=False),
        sa.Column("correction_days", sa.BigInteger, nullable=False),
        sa.Column("correction", sa.Text, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("next_start_ms", sa.BigInteger, nullable=False),
        sa.Column("next_due_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "schedule_runs",
        sa.Column("schedule", sa.Text, sa.ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("correction", sa.Integer, nullable=False),
        sa.Column("end_ms", sa.BigInteger, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("earlier_jobs", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("since_ms", sa.BigInteger),
        sa.Column("watermark_ms", sa.BigInteger),
        sa.Column("late_events", sa.BigInteger),
        sa.Column("until_ms", sa.BigInteger),
        sa.Column("look_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("schedule", "start_ms", "correction"),
    )
    active = sa.column("paused", sa.Boolean) == sa.false()
    op.create_index("schedules_due", "schedules", ["next_due_ms", "id"], sqlite_where=active, postgresql_where=active)
    op.create_index("schedules_user", "schedules", ["user_id"])
    running = sa.text("status = 'RUNNING'")
    op.create_index(
        "schedule_runs_running",
        "schedule_runs",
        ["schedule", "start_ms"],
        sqlite_where=running,
        postgresql_where=running,
    )
    waiting = sa.text("look_ms IS NOT NULL")
    op.create_index("schedule_runs_look", "schedule_runs", ["look_ms"], sqlite_where=waiting, postgresql_where=waiting)
