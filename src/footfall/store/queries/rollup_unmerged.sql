-- Days that may have events twice, because a load was repeated and is not merged yet.
-- The count of a day finds its copies; what was loaded after it is not known.
WITH
    (
        SELECT hex(sipHash128(arraySort(groupArray((name, toString(uuid))))))
        FROM system.tables
        WHERE database = currentDatabase()
            AND name IN ('events', 'events_shard', 'rollup_changes', 'rollup_changes_shard')
    ) AS current,
    (SELECT max(loaded) FROM rollup_changes WHERE customer = '' AND product = '' AND epoch = current) AS looked
SELECT toString(known.customer), toString(known.product), known.day, known.rows
FROM (
    SELECT customer, product, day, max(loaded) AS loaded, sum(rows) AS rows
    FROM (
        SELECT customer, product, day, loaded, rows
        FROM rollup_changes
        WHERE epoch = current
            AND customer != ''
            AND day BETWEEN intDiv({start:Int64}, 86400000) AND intDiv({end:Int64}, 86400000)
            AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
            AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
        UNION ALL
        SELECT customer, product, intDiv(timestamp, 86400000) AS day, max(loaded), count()
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
        AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
        AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
) AS counted USING (customer, product, day)
WHERE counted.loaded < known.loaded OR counted.copies > 0
ORDER BY known.day
