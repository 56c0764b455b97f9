-- The distinct actors of a selection.
SELECT uniqExactIf(actor, actor != '')
FROM (
    SELECT {{actor}} AS actor
    FROM {{events}}
    WHERE {{condition}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        {{without_duplicates}}
)
