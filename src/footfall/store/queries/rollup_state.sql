-- Which table of events is in use, up to which load it has been looked through, and the server's time in ms.
WITH
    (
        SELECT hex(sipHash128(arraySort(groupArray((name, toString(uuid))))))
        FROM system.tables
        WHERE database = currentDatabase()
            AND name IN ('events', 'events_shard', 'rollup_changes', 'rollup_changes_shard')
    ) AS current
SELECT
    current,
    (SELECT max(loaded) FROM rollup_changes WHERE customer = '' AND product = '' AND epoch = current),
    toUnixTimestamp64Milli(now64(3))
