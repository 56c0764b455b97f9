-- Days that may have events twice, because a load was repeated and is not merged yet; and how many days there are.
-- The count of a day finds its copies; what was loaded after it is not known. It also tells of which table this is true,
-- of which engine that table is, and up to which load it has been looked through.
WITH
    (
        SELECT hex(sipHash128(arraySort(groupArray((name, toString(uuid))))))
        FROM system.tables
        WHERE database = currentDatabase()
            AND name IN ('events', 'events_shard', 'rollup_changes', 'rollup_changes_shard')
    ) AS current,
    (SELECT max(loaded) FROM rollup_changes WHERE customer = '' AND product = '' AND epoch = current) AS looked
SELECT
    current,
    (SELECT any(engine) FROM system.tables WHERE database = currentDatabase() AND name = 'events'),
    looked,
    arraySort(groupUniqArrayIf({limit:UInt64})(day, is_unmerged)),
    uniqExact(day)
FROM (
    SELECT known.day AS day, counted.loaded < known.loaded OR counted.copies > 0 AS is_unmerged
    FROM (
        SELECT customer, product, day, max(loaded) AS loaded
        FROM (
            SELECT customer, product, day, loaded
            FROM rollup_changes
            WHERE epoch = current
                AND customer != ''
                AND day BETWEEN intDiv({start:Int64}, 86400000) AND intDiv({end:Int64}, 86400000)
                AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
                AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
            UNION ALL
            SELECT customer, product, intDiv(timestamp, 86400000) AS day, max(loaded)
            FROM events
            WHERE loaded > looked
                AND timestamp BETWEEN {start:Int64} AND {end:Int64}
                AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
                AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
            GROUP BY customer, product, day
        )
        GROUP BY customer, product, day
    ) AS known
    LEFT JOIN (
        SELECT customer, product, day, loaded, copies
        FROM rollup_days FINAL
        WHERE epoch = current
            AND day BETWEEN intDiv({start:Int64}, 86400000) AND intDiv({end:Int64}, 86400000)
            AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
            AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
    ) AS counted USING (customer, product, day)
)
