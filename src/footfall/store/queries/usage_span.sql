-- How many rows a selection has, and the first and last timestamp. An event that was loaded twice counts twice.
SELECT count(), min(timestamp), max(timestamp)
FROM events
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
