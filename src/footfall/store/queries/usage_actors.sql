-- The distinct actors of a selection. Groups are counted in a third of the time of a set of hashes.
SELECT count()
FROM (
    SELECT {{actor}} AS actor
    FROM {{events}}
    WHERE {{condition}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        {{without_duplicates}}
    GROUP BY actor
    HAVING actor != ''
)
SETTINGS
    max_bytes_before_external_group_by = 536870912
