-- The rows of a report that keeps duplicates: each event once.
SELECT count()
FROM events FINAL
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
