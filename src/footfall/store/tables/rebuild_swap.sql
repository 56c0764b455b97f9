-- The new table of events takes the old one's place in one step: no statement finds none, or a half one.
EXCHANGE TABLES {{database}}.events{{shard}} AND {{database}}.events_rebuilt{{shard}} {{on_cluster}}
