-- How many actors reach each step of a funnel, and the median time that each step took them.
-- usage/funnel.py makes the pieces.
SELECT
    {{value}}
    {{counts}}
FROM (
    SELECT
        times,
        {{steps}}
    FROM (
        SELECT
            arraySort(groupArray((timestamp, batch, sequence, mask, value))) AS found,
            arrayMap(one -> one.1, found) AS times,
            arrayMap(one -> one.4, found) AS masks,
            arrayMap(one -> one.5, found) AS step_values
        FROM (
            SELECT timestamp, batch, sequence, {{actor}} AS actor, {{mask}} AS mask, {{by}} AS value
            FROM {{events}}
            WHERE {{condition}}
                AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
                {{without_duplicates}}
        )
        WHERE actor != '' {{only_steps}}
        GROUP BY actor
    )
)
{{group}}
LIMIT {limit:UInt64}
SETTINGS
    max_bytes_before_external_group_by = 536870912
