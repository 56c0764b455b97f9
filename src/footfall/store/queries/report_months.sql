-- The months of a selection: first and last timestamp, the most rows, the length of the longest context, the types.
-- An event that was loaded twice and is not merged yet counts twice.
SELECT
    min(timestamp),
    max(timestamp),
    count(),
    max(context.size0),
    groupUniqArray(toString(type))
FROM events
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
GROUP BY toYYYYMM(fromUnixTimestamp64Milli(timestamp, 'UTC'))
ORDER BY min(timestamp)
