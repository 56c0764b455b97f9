-- What actors did next to each event of a type: the types of the events after it, or before it, nearest first.
SELECT path, count() AS events, uniqExact(actor)
FROM (
    SELECT
        actor,
        arrayMap(one -> one.4, arraySort(groupArray((timestamp, batch, sequence, toString(type))))) AS types,
        arrayJoin(
            arrayMap(
                at -> {{slice}},
                arrayFilter(at -> types[at] = {anchor:String}, arrayEnumerate(types))
            )
        ) AS path
    FROM (
        SELECT timestamp, batch, sequence, type, {{actor}} AS actor
        FROM {{events}}
        WHERE {{condition}}
            AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
            {{without_duplicates}}
    )
    WHERE actor != ''
    GROUP BY actor
)
GROUP BY GROUPING SETS ((path), ())
ORDER BY grouping(path) DESC, events DESC, path
LIMIT {limit:UInt64}
SETTINGS
    max_bytes_before_external_group_by = 536870912
