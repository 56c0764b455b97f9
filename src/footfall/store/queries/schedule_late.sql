-- The events of a report's selection that were admitted after it: how many, and when the first and the last.
SELECT
    count(),
    min(admitted),
    max(admitted)
FROM events FINAL
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
