-- What the other files stand on: the database, and the record of which of them have been applied to it, and when.
CREATE DATABASE IF NOT EXISTS {{database}} {{on_cluster}}
-- then
CREATE TABLE IF NOT EXISTS {{database}}.schema_migrations {{on_cluster}}
(
    number  UInt32,
    name    String,
    sha256  String,
    applied Int64 COMMENT 'ms since the epoch'
)
ENGINE = {{replicated}}ReplacingMergeTree(applied)
ORDER BY number
