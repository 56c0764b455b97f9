-- What there is of customers and products between two times: the latest load and admission, the first and last day.
WITH
    (
        SELECT hex(sipHash128(arraySort(groupArray((name, toString(uuid))))))
        FROM system.tables
        WHERE database = currentDatabase()
            AND name IN ('events', 'events_shard', 'rollup_changes', 'rollup_changes_shard')
    ) AS current,
    (SELECT max(loaded) FROM rollup_changes WHERE customer = '' AND product = '' AND epoch = current) AS looked
SELECT current, max(loaded), max(admitted), min(day), max(day), sum(rows)
FROM (
    SELECT loaded, admitted, day, rows
    FROM rollup_changes
    WHERE epoch = current
        AND customer != ''
        AND day BETWEEN intDiv({start:Int64}, 86400000) AND intDiv({end:Int64}, 86400000)
        AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
        AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
    UNION ALL
    SELECT loaded, admitted, intDiv(timestamp, 86400000), toUInt64(1)
    FROM events
    WHERE loaded > looked
        AND timestamp BETWEEN {start:Int64} AND {end:Int64}
        AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
        AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
)
