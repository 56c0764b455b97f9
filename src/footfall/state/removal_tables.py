"""The tables of what was removed and must not come back: erased persons, and what is past its time."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text

from footfall.state.tables import metadata

# Persons who were erased. There is no value of anybody, only its digest with a secret (see footfall.tombstones); `rule`
# says where the value stands, `receipt` what was done.
erasures = Table(
    "erasures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("pseudonym", Text, nullable=False),
    Column("ordered_by", Text, nullable=False),
    Column("ordered_ms", BigInteger, nullable=False),
    Column("cut_ms", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("ended_ms", BigInteger),
    Column("kept_out", BigInteger, nullable=False),
    Column("receipt", Text, nullable=False),
)
Index("erasures_ordered", erasures.c.ordered_ms, erasures.c.id)

# What each node has done of an erasure, in its own files.
erasure_shares = Table(
    "erasure_shares",
    metadata,
    Column("erasure", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("done_ms", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
)

# Up to when events of products and types are past; `scope` is JSON.
retention_cutoffs = Table(
    "retention_cutoffs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("is_in_force", Boolean, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("kept_out", BigInteger, nullable=False),
)

# Up to when each node's own files have nothing that is past.
retention_shares = Table(
    "retention_shares",
    metadata,
    Column("cutoff", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)

# Removals from the store: what is about to be removed is written down before, as JSON.
retention_runs = Table(
    "retention_runs",
    metadata,
    Column("started_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("goal", Text, nullable=False),
    Column("touched", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
)

# Where backups were written to: an erasure leaves its tombstone there.
backup_places = Table(
    "backup_places",
    metadata,
    Column("place", Text, primary_key=True),
)
