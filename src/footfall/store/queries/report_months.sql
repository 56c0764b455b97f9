-- What a report may hold, month by month: the first and last timestamp, the most rows, the longest context, the types.
-- It reads no more than it must, and so counts an event twice that was loaded twice and is not merged yet.
SELECT
    min(timestamp),
    max(timestamp),
    count(),
    max(context.size0),
    groupUniqArray(toString(type))
FROM events
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY toYYYYMM(fromUnixTimestamp64Milli(timestamp, 'UTC'))
ORDER BY min(timestamp)
