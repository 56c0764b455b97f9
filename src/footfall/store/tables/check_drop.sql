-- Remove what a check has left behind, at once, for it may be as large as the archive.
DROP TABLE IF EXISTS {{database}}.{{name}}{{shard}} {{on_cluster}} SYNC SETTINGS max_table_size_to_drop = 0
-- then, on a cluster
DROP TABLE IF EXISTS {{database}}.{{name}} {{on_cluster}} SYNC
