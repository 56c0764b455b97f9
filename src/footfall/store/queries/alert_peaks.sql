-- The most events of any hour of each past day, of some customers as a whole and of some of their types.
-- A customer as a whole has neither product nor type; its most is the sum over its types.
SELECT toString(customer) AS customer_code, product_code, type_code, peaks.1 AS days, peaks.2 AS highest
FROM (
    SELECT customer, level.1 AS product_code, level.2 AS type_code, sumMap(past_days, past_peaks) AS peaks
    FROM (
        SELECT customer, product, type, groupArray(day) AS past_days, groupArray(peak) AS past_peaks
        FROM (
            SELECT customer, product, type, day, max(events) AS peak
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
                        AND customer IN {customers:Array(String)}
                )
                ARRAY JOIN units AS unit, types AS type, event_counts AS hour_events
                GROUP BY customer, product, day, unit, type
            )
            GROUP BY customer, product, type, day
        )
        GROUP BY customer, product, type
    )
    ARRAY JOIN [(toString(product), toString(type)), ('', '')] AS level
    GROUP BY customer, level
)
WHERE (customer_code, product_code, type_code) IN (
    SELECT arrayJoin(arrayZip({customers:Array(String)}, {products:Array(String)}, {types:Array(String)}))
)
