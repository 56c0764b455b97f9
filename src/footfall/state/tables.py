"""The tables as SQLAlchemy objects, for statements. The migrations create them; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    false,
    literal_column,
    text,
)

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("permissions", Text),
    Column("admin", Boolean, nullable=False),
    Column("customers", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("account", Text, nullable=False, server_default=""),
    Column("security_stamp", Text, nullable=False, server_default=""),
    Column("monitor", Boolean, nullable=False, server_default=false()),
    Column("products", Text, nullable=False, server_default="[]"),
)
Index("users_account", users.c.account, unique=True)

# Whom an identity provider calls by `subject`, which it gives to nobody else, ever; a name or an address it may.
identities = Table(
    "identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
Index("identities_account", identities.c.account)

# Keys belong to an account, and are found by the digest of their text.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("customers", Text, nullable=False),
    Column("products", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("used_ms", BigInteger),
    Column("replaces", Text),
)
Index("api_keys_digest", api_keys.c.digest, unique=True)
Index("api_keys_account", api_keys.c.account, api_keys.c.id)

# What a password needs beside it; an account without a row, or with one that is not confirmed, needs nothing.
second_factors = Table(
    "second_factors",
    metadata,
    Column("account", Text, primary_key=True),
    Column("secret", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("recovery", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# Entries are added, and dropped from the beginning when they are old. Each has the hash of the one before.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("node", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
Index("audit_at", audit.c.at_ms)

# A job belongs to `account`; `user_id` is the name that its user had. It is not called `user`, because PostgreSQL takes
# an unquoted `user` for the database's own user, silently. There is no foreign key to `users`, because a report is kept
# after its user was removed, until its file is removed.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("delimiter", Text, nullable=False),
    Column("header", Boolean, nullable=False),
    Column("format", Text, nullable=False),
    Column("compression", Text, nullable=False),
    Column("times", Text, nullable=False, server_default="ms"),
    Column("safe", Boolean, nullable=False, server_default=false()),
    Column("basis", Text, nullable=False, server_default="event"),
    Column("duplicates", Text, nullable=False, server_default="keep"),
    Column("destination", Text),
    Column("destination_key", Text),
    Column("schedule", Text),
    Column("output", Text),
    Column("status", Text, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("watermark_ms", BigInteger, nullable=False, server_default="0"),
    Column("since_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("owner", Text),
    Column("lease_until_ms", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("stops", Integer, nullable=False, server_default="0"),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows_total", BigInteger, nullable=False),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("sha256", Text),
    Column("reason", Text),
    Column("duplicates_found", BigInteger),
    Column("manifest", Text),
    Column("file", Text, nullable=False),
    Column("expired", Boolean, nullable=False),
    Column("removed", Boolean, nullable=False, server_default=false()),
    Column("account", Text, nullable=False, server_default=""),
    Column("erased_ms", BigInteger),
)

# Indexes: claims read the running jobs and a user's last ended ones; retention reads the ended jobs that have a file;
# lists read the newest jobs; the bound on stored reports counts a user's files.
_RUNNING = text("status = 'RUNNING'")
Index("jobs_running", jobs.c.account, jobs.c.started_ms, sqlite_where=_RUNNING, postgresql_where=_RUNNING)
_HAS_FILE = jobs.c.removed == false()
Index("jobs_there", jobs.c.ended_ms, sqlite_where=_HAS_FILE, postgresql_where=_HAS_FILE)
Index("jobs_started", jobs.c.started_ms, jobs.c.id)
Index("jobs_account_started", jobs.c.account, jobs.c.started_ms, jobs.c.id)
Index("jobs_account_ended", jobs.c.account, jobs.c.ended_ms)
_KEPT = and_(jobs.c.status == literal_column("'COMPLETE'"), jobs.c.expired == false())
Index("jobs_kept", jobs.c.account, sqlite_where=_KEPT, postgresql_where=_KEPT)

nodes = Table(
    "nodes",
    metadata,
    Column("node", Text, primary_key=True),
    Column("loaded_through_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# There is no foreign key between jobs and schedules: a report is kept after its schedule was removed.
schedules = Table(
    "schedules",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("every", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("grace_s", BigInteger, nullable=False),
    Column("correction_days", BigInteger, nullable=False),
    Column("correction", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("reason", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("next_start_ms", BigInteger, nullable=False),
    Column("next_due_ms", BigInteger, nullable=False),
    Column("account", Text, nullable=False, server_default=""),
)

# The primary key prevents that two workers start the same window.
schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("schedule", Text, ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("correction", Integer, primary_key=True),
    Column("end_ms", BigInteger, nullable=False),
    Column("job", Text, nullable=False),
    Column("earlier_jobs", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("since_ms", BigInteger),
    Column("watermark_ms", BigInteger),
    Column("late_events", BigInteger),
    Column("until_ms", BigInteger),
    Column("look_ms", BigInteger),
)

# A view without a customer is its owner's alone. There is no foreign key to `users`: a view for all of a customer stays
# when the user who saved it is removed.
views = Table(
    "views",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("chart", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
Index("views_account", views.c.account, views.c.customer, views.c.name, unique=True)
Index("views_customer", views.c.customer, views.c.name)

# Only the hash of a link's token is kept: who reads the database cannot open the links. They end with their user.
shares = Table(
    "shares",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False),
    Column("account", Text, ForeignKey("users.account", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("chart", Text, nullable=False),
    Column("origins", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)
Index("shares_token", shares.c.token_hash, unique=True)
Index("shares_account", shares.c.account)

# Which events and requests were refused; `id` is a hash of the texts.
refused_kinds = Table(
    "refused_kinds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)

# With these indexes, a worker that asks every few seconds reads only what is due.
_ACTIVE = schedules.c.paused == false()
_WAITING = text("look_ms IS NOT NULL")
Index("schedules_due", schedules.c.next_due_ms, schedules.c.id, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE)
Index("schedules_account", schedules.c.account)
Index(
    "schedule_runs_running",
    schedule_runs.c.schedule,
    schedule_runs.c.start_ms,
    sqlite_where=_RUNNING,
    postgresql_where=_RUNNING,
)
Index("schedule_runs_look", schedule_runs.c.look_ms, sqlite_where=_WAITING, postgresql_where=_WAITING)

# There is no foreign key to `users`: a session counts while the account's user has its stamp, and is removed when it is
# old.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("security_stamp", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("agent", Text, nullable=False),
    Column("timezone", Text, nullable=False),
)
Index("sessions_account", sessions.c.account, sessions.c.created_ms)
Index("sessions_seen", sessions.c.seen_ms)
Index("sessions_created", sessions.c.created_ms)
