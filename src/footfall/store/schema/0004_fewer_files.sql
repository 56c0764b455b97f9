-- Parts of one load have few files: each file is synced by itself, beside the journal's syncs, for which requests wait.
-- A part of 100,000 events was 45 syncs and is 13. Merged parts are larger, and have a file for each column, as before.
ALTER TABLE events{{shard}} {{on_cluster}} MODIFY SETTING min_bytes_for_wide_part = 134217728
