-- How many actors reach each step of a funnel, and the median time that each step took them.
-- usage/funnel.py makes the pieces.
SELECT
    {{value}}
    {{counts}}
FROM (
    SELECT
        times,
        is_tied,
        {{steps}}
    FROM (
        SELECT
            {{arrays}}
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
    -- Twenty million times of 200,000 actors take less; more go to disk, which takes half as long again.
    max_bytes_before_external_group_by = 738197504
