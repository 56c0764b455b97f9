"""Erasures of persons, what each node has done of them, where backups are, and which reports were touched."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("pseudonym", sa.Text, nullable=False),
        sa.Column("ordered_by", sa.Text, nullable=False),
        sa.Column("ordered_ms", sa.BigInteger, nullable=False),
        sa.Column("cut_ms", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("kept_out", sa.BigInteger, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
    )
    op.create_index("erasures_ordered", "erasures", ["ordered_ms", "id"])
    op.create_table(
        "erasure_shares",
        sa.Column("erasure", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("done_ms", sa.BigInteger, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_table(
        "backup_places",
        sa.Column("place", sa.Text, primary_key=True),
    )
    op.add_column("jobs", sa.Column("erased_ms", sa.BigInteger))
