-- Which of these files have been applied to this database, and when.
CREATE TABLE IF NOT EXISTS schema_migrations {{on_cluster}}
(
    number  UInt32,
    name    String,
    sha256  String,
    applied Int64 COMMENT 'ms since the epoch'
)
ENGINE = {{replicated}}ReplacingMergeTree(applied)
ORDER BY number
