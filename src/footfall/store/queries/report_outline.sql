-- What a report may hold, in rows of two sorts: of each day of a month, and of each type in a month.
-- It reads no more than it must, and so counts an event twice that was loaded twice and is not merged yet. What days
-- before 1970 are called does not matter.
SELECT
    toUInt8(grouping(type)),
    month,
    toString(type),
    min(first),
    max(last),
    sum(number),
    max(width),
    sum(tardy)
FROM (
    SELECT
        intDiv(timestamp, 86400000) AS day,
        toYYYYMM(fromUnixTimestamp64Milli(day * 86400000, 'UTC')) AS month,
        type,
        min(timestamp) AS first,
        max(timestamp) AS last,
        count() AS number,
        max(if({widths:UInt8} = 1, context.size0, 0)) AS width,
        countIf(received - timestamp > {late:Int64}) AS tardy
    FROM events
    WHERE customer = {customer:String}
        AND product = {product:String}
        AND timestamp BETWEEN {start:Int64} AND {end:Int64}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        AND admitted > {since:Int64}
        AND admitted <= {watermark:Int64}
        AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
    GROUP BY day, type
)
GROUP BY GROUPING SETS ((month, day), (month, type))
ORDER BY min(first)
SETTINGS
    -- Grouping for a second time, they would be names of a column and of an aggregate of it.
    prefer_column_name_to_alias = 1
