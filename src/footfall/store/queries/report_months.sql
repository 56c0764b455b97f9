-- The months of a selection: first and last timestamp, the most rows, the length of the longest context, the types.
-- An event that was loaded twice and is not merged yet counts twice.
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
