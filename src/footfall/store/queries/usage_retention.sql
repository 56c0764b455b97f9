-- Actors by the interval of their first event, and of those the ones that came back, by the interval of their return.
-- The number of all actors of a cohort stands at the least time.
SELECT
    cohort,
    arrayJoin(arrayPushFront(arrayFilter(begin -> begin >= cohort, begins), toInt64({all:Int64}))) AS begin,
    count()
FROM (
    SELECT actor, minIf(begin, is_first) AS cohort, arrayDistinct(groupArrayIf(begin, is_return)) AS begins
    FROM (
        SELECT {{actor}} AS actor, {{begin}} AS begin, {{first}} AS is_first, {{returning}} AS is_return
        FROM {{events}}
        WHERE {{condition}}
            AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
            {{without_duplicates}}
            AND ({{first}} OR {{returning}})
    )
    WHERE actor != ''
    GROUP BY actor
    HAVING countIf(is_first) > 0
)
GROUP BY cohort, begin
ORDER BY cohort, begin
LIMIT {limit:UInt64}
SETTINGS
    -- Twenty million times of 200,000 actors take less; more go to disk, which takes half as long again.
    max_bytes_before_external_group_by = 738197504
