"""What a report is pinned to, how its file is made and where it goes, and what is known of it when it is done."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The defaults are what the reports that are there were made with.
    op.add_column("jobs", sa.Column("times", sa.Text, nullable=False, server_default="ms"))
    op.add_column("jobs", sa.Column("safe", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("basis", sa.Text, nullable=False, server_default="event"))
    op.add_column("jobs", sa.Column("destination", sa.Text))
    op.add_column("jobs", sa.Column("destination_key", sa.Text))
    op.add_column("jobs", sa.Column("schedule", sa.Text))
    op.add_column("jobs", sa.Column("watermark_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("since_ms", sa.BigInteger))
    op.add_column("jobs", sa.Column("progress", sa.Float, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("manifest", sa.Text))
    op.execute("UPDATE jobs SET watermark_ms = started_ms")
