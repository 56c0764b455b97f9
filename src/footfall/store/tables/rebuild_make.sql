-- A new table of events beside the present one; the view hands every event that is loaded from now on to both.
-- The mark goes with the table when it takes the other's place, and so tells which of the two is the new one.
CREATE TABLE {{database}}.events_rebuilt{{shard}} {{on_cluster}} AS {{database}}.events{{shard}} COMMENT '{{mark}}'
-- then
CREATE MATERIALIZED VIEW {{database}}.events_rebuilding {{on_cluster}} TO {{database}}.events_rebuilt{{shard}} AS
SELECT customer, product, type, version, timestamp, context, sequence, batch, received, admitted, loaded
FROM {{database}}.events{{shard}}
-- then, on a cluster
CREATE TABLE {{database}}.events_rebuilt {{on_cluster}} AS {{database}}.events_rebuilt_shard
ENGINE = Distributed({{cluster}}, {{database}}, events_rebuilt_shard, cityHash64(batch))
