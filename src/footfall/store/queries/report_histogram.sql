-- The histogram of a report, in rows of two sorts: one for each day with events, and one for each type in a month.
-- An event that was loaded twice and is not merged yet counts twice. The names of months before 1970 do not matter.
SELECT
    toUInt8(grouping(type)),
    month,
    toString(type),
    min(first_timestamp),
    max(last_timestamp),
    sum(events_of_day),
    max(context_length),
    sum(late_events)
FROM (
    SELECT
        intDiv(timestamp, 86400000) AS day,
        toYYYYMM(fromUnixTimestamp64Milli(day * 86400000, 'UTC')) AS month,
        type,
        min(timestamp) AS first_timestamp,
        max(timestamp) AS last_timestamp,
        count() AS events_of_day,
        max(if({context_length:UInt8} = 1, context.size0, 0)) AS context_length,
        countIf(received - timestamp > {late:Int64}) AS late_events
    FROM events
    WHERE {{selection}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        AND admitted > {since:Int64}
    GROUP BY day, type
)
GROUP BY GROUPING SETS ((month, day), (month, type))
ORDER BY min(first_timestamp)
SETTINGS
    -- An alias of the inner selection that is also a column's name means the column here.
    prefer_column_name_to_alias = 1
