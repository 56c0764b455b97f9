-- The parts that a merge has replaced are removed by one thread.
-- For 100 parts or more the engine started up to 128 threads and kept them, each with three open files of /proc: after an
-- hour of ordinary life it had 173 threads and 554 descriptors, and with this 67 and 216.
ALTER TABLE events{{shard}} {{on_cluster}} MODIFY SETTING concurrent_part_removal_threshold = 1000000
-- then
ALTER TABLE quarantine{{shard}} {{on_cluster}} MODIFY SETTING concurrent_part_removal_threshold = 1000000
-- then
ALTER TABLE rollup_changes{{shard}} {{on_cluster}} MODIFY SETTING concurrent_part_removal_threshold = 1000000
-- then
ALTER TABLE rollup_days{{shard}} {{on_cluster}} MODIFY SETTING concurrent_part_removal_threshold = 1000000
