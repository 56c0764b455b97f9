-- The archive's lines of quarantine for the length of a check: as its table, but every line of a record stays.
CREATE TABLE {{database}}.{{name}}{{shard}} {{on_cluster}}
(
    customer   LowCardinality(String) CODEC(ZSTD(1)),
    product    LowCardinality(String) CODEC(ZSTD(1)),
    type       LowCardinality(String) CODEC(ZSTD(1)),
    version    String                 CODEC(ZSTD(1)),
    timestamp  Int64                  CODEC(ZSTD(1)),
    context    Array(Nullable(String)) CODEC(ZSTD(1)),
    sequence   UInt32                 CODEC(Delta(4), ZSTD(1)),
    batch      UUID                   CODEC(ZSTD(1)),
    code       LowCardinality(String) CODEC(ZSTD(1)),
    place      LowCardinality(String) CODEC(ZSTD(1)),
    reason     String                 CODEC(ZSTD(1)),
    plan       LowCardinality(String) CODEC(ZSTD(1)),
    address    String                 CODEC(ZSTD(1)),
    origin     String                 CODEC(ZSTD(1)),
    user_agent String                 CODEC(ZSTD(1)),
    state      Enum8('held' = 1, 'dropped' = 2, 'released' = 3) DEFAULT 'held',
    changed_by String                 CODEC(ZSTD(1)),
    set_type   LowCardinality(String) CODEC(ZSTD(1)),
    received   Int64                  CODEC(Delta(8), ZSTD(1)),
    held_since Int64 DEFAULT received CODEC(Delta(8), ZSTD(1))
)
-- Only a segment that is read twice changes nothing.
ENGINE = {{replicated}}ReplacingMergeTree
ORDER BY (batch, sequence, state, received, held_since)
-- then, on a cluster
CREATE TABLE {{database}}.{{name}} {{on_cluster}} AS {{database}}.{{name}}_shard
ENGINE = Distributed({{cluster}}, {{database}}, {{name}}_shard, cityHash64(batch))
