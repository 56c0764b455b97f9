-- How many rows a selection has, and the first and last timestamp.
-- Without FINAL, an event that was loaded twice counts twice.
SELECT count(), min(timestamp), max(timestamp)
FROM events {{final}}
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
