-- Remove the table that was that of events before a rebuild.
DROP TABLE IF EXISTS {{database}}.events_old{{shard}} {{on_cluster}} SYNC SETTINGS max_table_size_to_drop = 0
