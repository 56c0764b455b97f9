-- Counts from the rollup, and the days that it cannot answer for, which are to be counted from their events.
-- Which days it answers for, and their counts, are read in one look: no day is counted twice, and none is left out.
WITH
    (
        SELECT hex(sipHash128(arraySort(groupArray((name, toString(uuid))))))
        FROM system.tables
        WHERE database = currentDatabase()
            AND name IN ('events', 'events_shard', 'rollup_changes', 'rollup_changes_shard')
    ) AS current,
    (SELECT max(loaded) FROM rollup_changes WHERE customer = '' AND product = '' AND epoch = current) AS looked
SELECT
    is_counted,
    if(is_counted, {{begin}}, day) AS begin,
    if({by_customer:Bool} OR NOT is_counted, toString(customer), '') AS customer_code,
    if({by_product:Bool} OR NOT is_counted, toString(product), '') AS product_code,
    if({by_type:Bool}, toString(type), '') AS type_code,
    if({by_version:Bool}, toString(version), '') AS version_code,
    sum(events),
    sum(duplicates),
    sum(late),
    sum(late_duplicates)
FROM (
    SELECT
        customer,
        product,
        day,
        is_counted,
        day * 86400000 + unit * {{width}} AS timestamp,
        type,
        version,
        events,
        duplicates,
        late,
        late_duplicates
    FROM (
        SELECT
            known.customer AS customer,
            known.product AS product,
            known.day AS day,
            -- Nothing of the day was loaded after it was counted, and nothing of it was admitted after the watermark.
            known.day BETWEEN {first_day:Int64} AND {last_day:Int64}
                AND counted.is_whole
                AND counted.late = {late:Int64}
                AND counted.loaded >= known.loaded
                AND counted.admitted <= {watermark:Int64} AS is_counted,
            if(is_counted, counted.units, [0]) AS units,
            if(is_counted, counted.types, ['']) AS types,
            if(is_counted, counted.versions, ['']) AS versions,
            if(is_counted, counted.event_counts, [known.rows]) AS event_counts,
            if(is_counted, counted.duplicate_counts, [0]) AS duplicate_counts,
            if(is_counted, counted.late_counts, [0]) AS late_counts,
            if(is_counted, counted.late_duplicate_counts, [0]) AS late_duplicate_counts
        FROM (
            SELECT
                customer,
                product,
                day,
                loaded,
                late,
                admitted,
                is_whole,
                {{units}}.unit AS units,
                {{units}}.type AS types,
                {{units}}.version AS versions,
                {{units}}.events AS event_counts,
                {{units}}.duplicates AS duplicate_counts,
                {{units}}.late AS late_counts,
                {{units}}.late_duplicates AS late_duplicate_counts
            FROM rollup_days FINAL
            WHERE epoch = current
                AND day BETWEEN {first_day:Int64} AND {last_day:Int64}
                AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
                AND (empty({products:Array(String)}) OR product IN {products:Array(String)})
        ) AS counted
        RIGHT JOIN (
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
        ) AS known USING (customer, product, day)
    )
    ARRAY JOIN
        units AS unit,
        types AS type,
        versions AS version,
        event_counts AS events,
        duplicate_counts AS duplicates,
        late_counts AS late,
        late_duplicate_counts AS late_duplicates
)
WHERE NOT is_counted
    OR (timestamp BETWEEN {start:Int64} AND {end:Int64}
        AND {{types}})
GROUP BY is_counted, begin, customer_code, product_code, type_code, version_code
ORDER BY is_counted
LIMIT {limit:UInt64}
