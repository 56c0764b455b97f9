"""What a report does with duplicates, and how many it found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default is for the reports that are there: they kept them.
    op.add_column("jobs", sa.Column("duplicates", sa.Text, nullable=False, server_default="keep"))
    op.add_column("jobs", sa.Column("duplicates_found", sa.BigInteger))
