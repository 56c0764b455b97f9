-- Customers and their types that may be silent or busier than ever: their events of lately, and of these hours before.
-- A customer as a whole has neither product nor type. `lowest` is the least of the hours of a day, of a customer the sum
-- over its types; `days` are those on which it is not 0.
SELECT toString(customer) AS customer_code, product_code, type_code, recent_events, lows.1 AS days, lows.2 AS lowest
FROM (
    SELECT
        customer,
        level.1 AS product_code,
        level.2 AS type_code,
        sum(recent) AS recent_events,
        sumMap(past_days, past_lows) AS lows
    FROM (
        SELECT
            customer,
            product,
            type,
            sum(recent) AS recent,
            groupArrayIf(day, low > 0) AS past_days,
            groupArrayIf(low, low > 0) AS past_lows
        FROM (
            SELECT customer, product, type, toInt64(-1) AS day, count() AS recent, toUInt64(0) AS low
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
                least(
                    sumIf(hour_events, unit = {first_hour:UInt8}),
                    sumIf(hour_events, unit = {last_hour:UInt8})
                )
            FROM (
                SELECT customer, product, day, hours.unit AS units, hours.type AS types, hours.events AS event_counts
                FROM rollup_days FINAL
                WHERE is_whole
                    AND day BETWEEN {first_day:Int64} AND {last_day:Int64}
            )
            ARRAY JOIN units AS unit, types AS type, event_counts AS hour_events
            -- A day has 24 hours: most of the work would be with those that nobody asks for.
            WHERE unit IN ({first_hour:UInt8}, {last_hour:UInt8})
            GROUP BY customer, product, type, day
        )
        GROUP BY customer, product, type
    )
    ARRAY JOIN [(toString(product), toString(type)), ('', '')] AS level
    GROUP BY customer, level
)
WHERE (recent_events = 0
        AND {silence_events:UInt64} > 0
        AND arrayCount(low -> low >= {silence_events:UInt64}, lowest) >= {silence_days:UInt64})
    OR ({spike_factor:UInt64} > 0
        AND recent_events >= {spike_events:UInt64}
        AND recent_events > {spike_factor:UInt64} * arrayMax(lowest))
ORDER BY greatest(recent_events, arraySum(lowest)) DESC, customer_code, product_code, type_code
LIMIT {limit:UInt64}
