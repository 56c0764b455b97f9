-- Distinct actors by interval, and, at the least time, in all; with the number of events that have none.
SELECT
    arrayJoin(arrayPushFront(begins, toInt64({all:Int64}))) AS begin,
    countIf(has_actor),
    sumIf(events, NOT has_actor)
FROM (
    SELECT
        actor != '' AS has_actor,
        count() AS events,
        -- A list of all is made in half the time of a set. Events without an actor are a single list.
        arrayDistinct(groupArrayIf({{begin}}, actor != '')) AS some,
        if(has_actor, some, groupUniqArrayIf({{begin}}, actor = '')) AS begins
    FROM (
        SELECT {{actor}} AS actor, timestamp
        FROM {{events}}
        WHERE {{condition}}
            AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
            {{without_duplicates}}
    )
    GROUP BY actor
)
GROUP BY begin
ORDER BY begin
LIMIT {limit:UInt64}
SETTINGS
    -- Twenty million times of 200,000 actors take less; more go to disk, which takes half as long again.
    max_bytes_before_external_group_by = 738197504
