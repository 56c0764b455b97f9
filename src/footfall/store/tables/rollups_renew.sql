-- Forget all rollups: what was counted before is of another table of changes from now on, and is gone as well.
DROP TABLE IF EXISTS {{database}}.rollup_changes_new{{shard}} {{on_cluster}} SYNC
-- then
CREATE TABLE {{database}}.rollup_changes_new{{shard}} {{on_cluster}} AS {{database}}.rollup_changes{{shard}}
-- then
EXCHANGE TABLES {{database}}.rollup_changes_new{{shard}} AND {{database}}.rollup_changes{{shard}} {{on_cluster}}
-- then
DROP TABLE IF EXISTS {{database}}.rollup_changes_new{{shard}} {{on_cluster}} SYNC
-- then
DROP TABLE IF EXISTS {{database}}.rollup_days_new{{shard}} {{on_cluster}} SYNC
-- then
CREATE TABLE {{database}}.rollup_days_new{{shard}} {{on_cluster}} AS {{database}}.rollup_days{{shard}}
-- then
EXCHANGE TABLES {{database}}.rollup_days_new{{shard}} AND {{database}}.rollup_days{{shard}} {{on_cluster}}
-- then
DROP TABLE IF EXISTS {{database}}.rollup_days_new{{shard}} {{on_cluster}} SYNC
