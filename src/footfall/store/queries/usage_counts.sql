-- Events by interval and dimensions, and how many of them came late.
-- Intervals are parameters, as pieces of time; see `footfall.usage.intervals`.
SELECT
    {{begin}} AS begin,
    {{dimensions}}
    count(),
    countIf(received - timestamp > {late:Int64})
FROM {{events}}
WHERE {{condition}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
GROUP BY begin{{groups}}
ORDER BY begin{{groups}}
LIMIT {limit:UInt64}
