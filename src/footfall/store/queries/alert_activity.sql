-- How many events of each customer, product and type came in lately, and in the same hours of past days.
-- `days` are those on which there were any; `lowest` is the least of the two hours of the day in question, `highest` the
-- most of any hour of that day.
SELECT
    toString(customer) AS customer_code,
    toString(product) AS product_code,
    toString(type) AS type_code,
    sum(recent) AS recent_events,
    groupArrayIf(day, day >= 0) AS days,
    groupArrayIf(low, day >= 0) AS lowest,
    groupArrayIf(high, day >= 0) AS highest
FROM (
    SELECT customer, product, type, toInt64(-1) AS day, count() AS recent, toUInt64(0) AS low, toUInt64(0) AS high
    FROM events
    -- What was loaded before cannot have been admitted since; the index finds the rest without reading all.
    WHERE loaded >= {start:Int64}
        AND admitted >= {start:Int64}
        AND admitted < {end:Int64}
    GROUP BY customer, product, type
    UNION ALL
    SELECT
        customer,
        product,
        type,
        day,
        toUInt64(0),
        if(countIf(unit IN {hours:Array(Int64)}) = {units:UInt64}, minIf(events, unit IN {hours:Array(Int64)}), 0),
        max(events)
    FROM (
        SELECT customer, product, day, unit, type, sum(hour_events) AS events
        FROM (
            SELECT
                customer,
                product,
                day,
                hours.unit AS units,
                hours.type AS types,
                hours.events AS event_counts
            FROM rollup_days FINAL
            WHERE is_whole
                AND day BETWEEN {first_day:Int64} AND {last_day:Int64}
        )
        ARRAY JOIN units AS unit, types AS type, event_counts AS hour_events
        GROUP BY customer, product, day, unit, type
    )
    GROUP BY customer, product, type, day
)
GROUP BY customer, product, type
ORDER BY greatest(recent_events, arraySum(lowest)) DESC
LIMIT {limit:UInt64}
