-- By how many the distinct actors of the last days rise or fall with each day, counted from 1970 by the zone's clock.
-- An actor counts from each day with an event for so many days, or until the next day with one: so each actor counts
-- once on each day, and a day with an event costs two rows whatever the number of days is.
SELECT change.1 AS day, sum(change.2)
FROM (
    SELECT
        arraySort(groupUniqArray(toInt32(floor(({{begin}} + {{offset}}) / 86400000)))) AS days,
        arrayMap((from, next) -> least(from + {days:Int32}, next), days, arrayPushBack(arrayPopFront(days), 2147483647)) AS ends,
        arrayJoin(arrayConcat(arrayMap(at -> (at, 1), days), arrayMap(at -> (at, -1), ends))) AS change
    FROM {{events}}
    WHERE {{condition}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        {{without_duplicates}}
        AND {{actor}} != ''
    GROUP BY {{actor}}
)
GROUP BY day
ORDER BY day
