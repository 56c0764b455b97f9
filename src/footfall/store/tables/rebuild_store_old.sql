-- After the swap the old table gets a name of its own, under which it stays until somebody removes it.
RENAME TABLE {{database}}.events_rebuilt{{shard}} TO {{database}}.events_old{{shard}} {{on_cluster}}
-- then, on a cluster
DROP TABLE IF EXISTS {{database}}.events_rebuilt {{on_cluster}} SYNC
