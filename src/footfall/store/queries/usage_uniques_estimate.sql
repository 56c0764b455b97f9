-- About how many distinct actors there are, by interval, and, at the least time, in all.
SELECT
    if(grouping({{begin}}) = 1, toInt64({all:Int64}), {{begin}}) AS begin,
    uniqCombined64If(17)(actor, actor != ''),
    countIf(actor = '')
FROM (
    SELECT {{actor}} AS actor, timestamp
    FROM {{events}}
    WHERE {{condition}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        {{without_duplicates}}
)
GROUP BY GROUPING SETS (({{begin}}), ())
ORDER BY begin
LIMIT {limit:UInt64}
