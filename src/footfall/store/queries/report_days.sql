-- What a report may hold, day by day: month, first and last timestamp, most rows, longest context if asked for, types.
-- It reads no more than it must, and so counts an event twice that was loaded twice and is not merged yet. What days
-- before 1970 are called does not matter.
SELECT
    toYYYYMM(fromUnixTimestamp64Milli(min(timestamp), 'UTC')),
    min(timestamp),
    max(timestamp),
    count(),
    max(if({widths:UInt8} = 1, context.size0, 0)),
    groupUniqArray(toString(type))
FROM events
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY intDiv(timestamp, 86400000)
ORDER BY min(timestamp)
