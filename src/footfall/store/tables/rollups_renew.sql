-- Forget all rollups: what was counted before is of another table of changes from now on.
DROP TABLE IF EXISTS {{database}}.rollup_changes_new{{shard}} {{on_cluster}} SYNC
-- then
CREATE TABLE {{database}}.rollup_changes_new{{shard}} {{on_cluster}} AS {{database}}.rollup_changes{{shard}}
-- then
EXCHANGE TABLES {{database}}.rollup_changes_new{{shard}} AND {{database}}.rollup_changes{{shard}} {{on_cluster}}
-- then
DROP TABLE IF EXISTS {{database}}.rollup_changes_new{{shard}} {{on_cluster}} SYNC
