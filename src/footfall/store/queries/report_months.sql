-- What a report holds, month by month: the first and last timestamp, the rows, and the longest context.
SELECT
    min(timestamp),
    max(timestamp),
    count(),
    -- The array's length by itself: with FINAL, length(context) would read all values.
    max(context.size0)
FROM events FINAL
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY toYYYYMM(fromUnixTimestamp64Milli(timestamp, 'UTC'))
ORDER BY min(timestamp)
