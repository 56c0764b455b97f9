-- Remove the table beside that of events: the unfinished new one, or the old one after the swap.
DROP TABLE IF EXISTS {{database}}.events_rebuilt{{shard}} {{on_cluster}} SYNC SETTINGS max_table_size_to_drop = 0
-- then, on a cluster
DROP TABLE IF EXISTS {{database}}.events_rebuilt {{on_cluster}} SYNC
