-- Every event once: the sorting key is an event's identity, and of equal ones the first admitted stays.
CREATE TABLE IF NOT EXISTS events{{shard}} {{on_cluster}}
(
    -- The sorting key puts equal values side by side, and Delta makes small numbers of rising ones.
    customer   LowCardinality(String) CODEC(ZSTD(1)),
    product    LowCardinality(String) CODEC(ZSTD(1)),
    type       LowCardinality(String) CODEC(ZSTD(1)),
    version    String                 CODEC(ZSTD(1)),
    timestamp  Int64                  CODEC(Delta(8), ZSTD(1)),
    context    Array(String)          CODEC(ZSTD(1)),
    sequence   UInt32                 CODEC(Delta(4), ZSTD(1)),
    batch      UUID                   CODEC(ZSTD(1)),
    received   Int64                  CODEC(Delta(8), ZSTD(1)),
    admitted   Int64                  CODEC(Delta(8), ZSTD(1)),
    -- The engine keeps the row with the highest version; this one falls as the time of admission rises, so that a late
    -- retry of an event cannot move it across the watermark of a report.
    precedence UInt64 MATERIALIZED 9223372036854775807 - admitted CODEC(Delta(8), ZSTD(1)),
    -- A key that a line lacks becomes its type's default; these have none that a real event could carry.
    CONSTRAINT whole CHECK sequence > 0 AND received > 0 AND admitted > 0
        AND batch != toUUID('00000000-0000-0000-0000-000000000000')
)
ENGINE = {{replicated}}ReplacingMergeTree(precedence)
-- By the month of the event, a part of the key: equal events share a partition, so that FINAL never looks across two.
PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(timestamp, 'UTC'))
ORDER BY (customer, product, timestamp, batch, sequence)
SETTINGS
    -- A segment leaves the journal when its load has been answered; by then its rows have to survive a power cut.
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    -- A merge deletes its sources some minutes later, and so must be as durable as they were.
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1
-- then, on a cluster
CREATE TABLE IF NOT EXISTS events {{on_cluster}} AS events_shard
-- Equal events have the same batch, and so meet on the same shard.
ENGINE = Distributed({{cluster}}, currentDatabase(), events_shard, cityHash64(batch))
