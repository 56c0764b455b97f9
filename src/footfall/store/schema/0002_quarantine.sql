-- Events that broke the tracking plan: batch and sequence say which, and of equal ones the furthest state stays.
CREATE TABLE IF NOT EXISTS quarantine{{shard}} {{on_cluster}}
(
    customer   LowCardinality(String) CODEC(ZSTD(1)),
    product    LowCardinality(String) CODEC(ZSTD(1)),
    type       LowCardinality(String) CODEC(ZSTD(1)),
    version    String                 CODEC(ZSTD(1)),
    timestamp  Int64                  CODEC(ZSTD(1)),
    -- As it came: what may be null is for the plan to say, and the plan may change.
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
    -- When the row came into the journal: with the event when it is held, with the change of its state otherwise.
    received   Int64                  CODEC(Delta(8), ZSTD(1)),
    held_since Int64 DEFAULT received CODEC(Delta(8), ZSTD(1)),
    -- The engine keeps the row with the highest version. A later state is higher than any earlier one, so that loading
    -- the event's own line again changes nothing; of equal states the first stays. A release goes over a drop, because
    -- what is among the events stays there.
    precedence UInt64 MATERIALIZED toUInt64(toInt8(state)) * 2305843009213693952 - received CODEC(Delta(8), ZSTD(1)),
    -- A key that a line lacks becomes its type's default; these have none that a real row could carry.
    CONSTRAINT whole CHECK sequence > 0 AND received > 0 AND held_since > 0
        AND batch != toUUID('00000000-0000-0000-0000-000000000000')
)
ENGINE = {{replicated}}ReplacingMergeTree(precedence)
ORDER BY (batch, sequence)
SETTINGS
    -- For the reasons that the table of events has: a load that was answered survives a power cut, and a merge too.
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    -- What was dropped is gone from the disk after a day, and not only when the engine finds a merge worth its while.
    min_age_to_force_merge_seconds = 86400
-- then, on a cluster
CREATE TABLE IF NOT EXISTS quarantine {{on_cluster}} AS quarantine_shard
-- Equal rows have the same batch, and so meet on the same shard.
ENGINE = Distributed({{cluster}}, currentDatabase(), quarantine_shard, cityHash64(batch))
