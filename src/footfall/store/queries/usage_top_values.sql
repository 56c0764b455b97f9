-- The values of a dimension with most events; of equally many, the first in the order of their bytes.
SELECT {{value}} AS value, count() AS events
FROM {{events}}
WHERE {{condition}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    {{without_duplicates}}
GROUP BY value
ORDER BY events DESC, value
LIMIT {limit:UInt64}
SETTINGS
    -- Where nearly every event has a value of its own, their groups go to disk.
    max_bytes_before_external_group_by = 268435456
