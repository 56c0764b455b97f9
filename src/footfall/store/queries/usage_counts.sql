-- Events by interval and type, duplicates among them.
WITH fromUnixTimestamp64Milli(timestamp, {timezone:String}) AS moment
SELECT
    multiIf(
        {interval:String} = 'hour', toUnixTimestamp64Milli(toDateTime64(toStartOfHour(moment), 3, {timezone:String})),
        {interval:String} = 'day', toUnixTimestamp64Milli(toDateTime64(toStartOfDay(moment), 3, {timezone:String})),
        {interval:String} = 'month', toUnixTimestamp64Milli(toDateTime64(toStartOfMonth(moment), 3, {timezone:String})),
        0
    ) AS begin,
    toString(type),
    count()
FROM events FINAL
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY begin, type
ORDER BY begin, type
LIMIT {limit:UInt64}
SETTINGS enable_extended_results_for_datetime_functions = 1
