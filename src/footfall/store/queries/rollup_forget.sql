-- Take the counts of days of customers' products for changed: they are counted anew, those too that no look has noted.
INSERT INTO rollup_changes (customer, product, day, epoch, loaded, admitted, rows)
WITH
    (
        SELECT hex(sipHash128(arraySort(groupArray((name, toString(uuid))))))
        FROM system.tables
        WHERE database = currentDatabase()
            AND name IN ('events', 'events_shard', 'rollup_changes', 'rollup_changes_shard')
    ) AS current,
    (SELECT max(loaded) FROM rollup_changes WHERE customer = '' AND product = '' AND epoch = current) AS looked
SELECT customer, product, day, epoch, {now:Int64}, 0, 0
FROM (
    SELECT customer, product, day, epoch
    FROM rollup_changes
    WHERE (customer, product) IN arrayZip({customers:Array(String)}, {products:Array(String)})
        AND day BETWEEN {first_day:Int64} AND {last_day:Int64}
    UNION ALL
    SELECT customer, product, intDiv(timestamp, 86400000), current
    FROM events
    WHERE (customer, product) IN arrayZip({customers:Array(String)}, {products:Array(String)})
        AND intDiv(timestamp, 86400000) BETWEEN {first_day:Int64} AND {last_day:Int64}
        AND loaded > looked
)
GROUP BY customer, product, day, epoch
