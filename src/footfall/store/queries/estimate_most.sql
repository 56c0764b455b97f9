-- The most rows that a report may have: it counts an event twice that was loaded twice and is not merged yet.
-- With `whenever`, of any time of admission, which it then does not read: a third of the time.
SELECT count()
FROM events
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND ({whenever:Bool} OR (admitted > {since:Int64} AND admitted <= {watermark:Int64}))
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
