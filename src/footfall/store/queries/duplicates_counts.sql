-- The duplicates between two times, by interval and type: of equal events all but those of the batch that was first.
WITH fromUnixTimestamp64Milli(timestamp, {timezone:String}) AS moment
SELECT
    multiIf(
        {interval:String} = 'hour', toUnixTimestamp64Milli(toDateTime64(toStartOfHour(moment), 3, {timezone:String})),
        {interval:String} = 'day', toUnixTimestamp64Milli(toDateTime64(toStartOfDay(moment), 3, {timezone:String})),
        {interval:String} = 'month', toUnixTimestamp64Milli(toDateTime64(toStartOfMonth(moment), 3, {timezone:String})),
        0
    ) AS begin,
    toString(type),
    sum(length(batches) - countEqual(batches, first))
FROM (
    SELECT timestamp, type, groupArray(batch) AS batches, argMin(batch, (admitted, batch)) AS first
    FROM events FINAL
    WHERE customer = {customer:String}
        AND product = {product:String}
        AND timestamp BETWEEN {start:Int64} AND {end:Int64}
        AND admitted <= {watermark:Int64}
        AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
        AND timestamp GLOBAL IN (
            -- Only times with events of several batches: looking for them reads no contexts.
            SELECT timestamp
            FROM (
                SELECT
                    timestamp,
                    batch,
                    lagInFrame(timestamp) OVER before AS timestamp_before,
                    lagInFrame(batch) OVER before AS batch_before
                FROM events FINAL
                WHERE customer = {customer:String}
                    AND product = {product:String}
                    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
                    AND admitted <= {watermark:Int64}
                    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                WINDOW before AS (ORDER BY customer, product, timestamp, batch ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
            )
            WHERE timestamp = timestamp_before AND batch != batch_before
        )
    GROUP BY customer, product, timestamp, type, version, context
    HAVING min(batch) != max(batch)
)
GROUP BY begin, type
-- In the table's order and in small blocks, groups come and go, and memory stays the same however many there are.
SETTINGS
    enable_extended_results_for_datetime_functions = 1,
    optimize_aggregation_in_order = 1,
    max_block_size = 2048,
    max_threads = 1
