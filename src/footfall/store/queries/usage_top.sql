-- The values with most events, and the actors of each.
-- The first row is of all events that have a value, and tells how many values there are. Of values with equally many events, the first in the order of their bytes.
SELECT value, events, actors, values_found
FROM (
    SELECT
        value,
        count() AS events,
        uniqExactIf(actor, actor != '') AS actors,
        uniqExact(value) AS values_found,
        grouping(value) AS is_total
    FROM (
        SELECT {{value}} AS value, {{actor}} AS actor
        FROM {{events}}
        WHERE {{condition}}
            AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
            {{without_duplicates}}
    )
    WHERE value != ''
    GROUP BY GROUPING SETS ((value), ())
)
ORDER BY is_total DESC, events DESC, value
LIMIT {limit:UInt64}
SETTINGS
    max_bytes_before_external_group_by = 536870912
