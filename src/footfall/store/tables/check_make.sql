-- The archive's events for the length of a check: as the table of events, but every copy of an event stays.
CREATE TABLE {{database}}.{{name}}{{shard}} {{on_cluster}}
(
    customer  LowCardinality(String) CODEC(ZSTD(1)),
    product   LowCardinality(String) CODEC(ZSTD(1)),
    type      LowCardinality(String) CODEC(ZSTD(1)),
    version   String                 CODEC(ZSTD(1)),
    timestamp Int64                  CODEC(Delta(8), ZSTD(1)),
    context   Array(String)          CODEC(ZSTD(1)),
    sequence  UInt32                 CODEC(Delta(4), ZSTD(1)),
    batch     UUID                   CODEC(ZSTD(1)),
    received  Int64                  CODEC(Delta(8), ZSTD(1)),
    admitted  Int64                  CODEC(Delta(8), ZSTD(1))
)
-- A retried request leaves copies that differ by their stamps; only a segment that is read twice changes nothing.
ENGINE = {{replicated}}ReplacingMergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(timestamp, 'UTC'))
ORDER BY (customer, product, timestamp, batch, sequence, received, admitted)
-- then, on a cluster
CREATE TABLE {{database}}.{{name}} {{on_cluster}} AS {{database}}.{{name}}_shard
ENGINE = Distributed({{cluster}}, {{database}}, {{name}}_shard, cityHash64(batch))
