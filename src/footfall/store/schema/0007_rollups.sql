-- Counts of past days, and what tells that a day has changed since it was counted. See footfall.usage.rollups.
-- When a row was loaded, by the clocks of its loader and of the server: unlike the time of admission, it is later for a
-- segment that was repaired, restored or late. Rows that are there were loaded when they were admitted, or later.
ALTER TABLE events{{shard}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS loaded Int64 DEFAULT admitted CODEC(T64, LZ4),
    ADD INDEX IF NOT EXISTS by_loaded loaded TYPE minmax GRANULARITY 1
-- then
ALTER TABLE events{{shard}} {{on_cluster}} MATERIALIZE INDEX IF EXISTS by_loaded
-- then
-- The days that have events, as far as the table of events has been looked through: for each the latest load, the latest
-- admission, and the number of rows. What a row says of one table of events says nothing of another, such as a rebuilt
-- one: `epoch` stands for the tables of events and of changes. A row without a customer has the time of the last look,
-- and stands in one part with what that look found.
CREATE TABLE IF NOT EXISTS rollup_changes{{shard}} {{on_cluster}}
(
    customer LowCardinality(String)               CODEC(ZSTD(1)),
    product  LowCardinality(String)               CODEC(ZSTD(1)),
    -- Days since 1970, in UTC.
    day      Int64                                CODEC(T64, LZ4),
    epoch    LowCardinality(String)               CODEC(ZSTD(1)),
    loaded   SimpleAggregateFunction(max, Int64)  CODEC(T64, LZ4),
    admitted SimpleAggregateFunction(max, Int64)  CODEC(T64, LZ4),
    rows     SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4)
)
ENGINE = {{replicated}}AggregatingMergeTree
ORDER BY (customer, product, day, epoch)
SETTINGS
    -- A change that a power cut takes away would let an old count pass for a new one.
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1
-- then
-- The counts of a day in one row, so that a day is replaced as a whole. They hold for all rows of the day that were
-- loaded up to `loaded`. An event is late that was received more than `late` ms after its time.
CREATE TABLE IF NOT EXISTS rollup_days{{shard}} {{on_cluster}}
(
    customer LowCardinality(String) CODEC(ZSTD(1)),
    product  LowCardinality(String) CODEC(ZSTD(1)),
    day      Int64                  CODEC(T64, LZ4),
    epoch    LowCardinality(String) CODEC(ZSTD(1)),
    loaded   Int64                  CODEC(T64, LZ4),
    late     Int64                  CODEC(T64, LZ4),
    -- The latest admission.
    admitted Int64                  CODEC(T64, LZ4),
    -- How many more rows than events there were, because a load was repeated and is not merged yet.
    copies   UInt64                 CODEC(T64, LZ4),
    -- A day with too many different types and versions has no counts here, and is counted from its events.
    is_whole Bool                   CODEC(ZSTD(1)),
    -- By the hour of the day (0 to 23), and by the quarter of an hour (0 to 95), which few time zones need.
    hours Nested
    (
        unit UInt8, type LowCardinality(String), version LowCardinality(String),
        events UInt64, duplicates UInt64, late UInt64, late_duplicates UInt64
    ) CODEC(ZSTD(1)),
    quarters Nested
    (
        unit UInt8, type LowCardinality(String), version LowCardinality(String),
        events UInt64, duplicates UInt64, late UInt64, late_duplicates UInt64
    ) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}ReplacingMergeTree(loaded)
ORDER BY (customer, product, day)
-- then, on a cluster
ALTER TABLE events {{on_cluster}} ADD COLUMN IF NOT EXISTS loaded Int64 DEFAULT admitted
-- then, on a cluster
CREATE TABLE IF NOT EXISTS rollup_changes {{on_cluster}} AS rollup_changes_shard
-- All on one shard: what a look found and the time of that look are never apart.
ENGINE = Distributed({{cluster}}, currentDatabase(), rollup_changes_shard, 0)
-- then, on a cluster
CREATE TABLE IF NOT EXISTS rollup_days {{on_cluster}} AS rollup_days_shard
ENGINE = Distributed({{cluster}}, currentDatabase(), rollup_days_shard, 0)
