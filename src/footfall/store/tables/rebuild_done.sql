-- The rebuild is over: the new table is a table like any other.
ALTER TABLE {{database}}.events{{shard}} {{on_cluster}} MODIFY COMMENT ''
