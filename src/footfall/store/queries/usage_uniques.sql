-- Distinct actors by interval, and, at the least time, in all; with the number of events that have none.
SELECT
    arrayJoin(arrayPushFront(begins, toInt64({all:Int64}))) AS begin,
    countIf(actor != ''),
    sumIf(events, actor = '')
FROM (
    SELECT {{actor}} AS actor, groupUniqArray({{begin}}) AS begins, count() AS events
    FROM {{events}}
    WHERE {{condition}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        {{without_duplicates}}
    GROUP BY actor
)
GROUP BY begin
ORDER BY begin
LIMIT {limit:UInt64}
