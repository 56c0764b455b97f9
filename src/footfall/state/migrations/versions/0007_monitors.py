"""Who reads the metrics and nothing else: a user for a monitoring system need not be an admin."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("monitor", sa.Boolean, nullable=False, server_default=sa.false()))
