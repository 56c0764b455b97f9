-- The most rows that a report may have: an event that was loaded twice and is not merged yet counts twice.
-- With `any_admission` the times of admission are not read, which takes a third of the time.
SELECT count()
FROM events
WHERE {{scope}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND ({any_admission:Bool} OR (admitted > {since:Int64} AND admitted <= {watermark:Int64}))
