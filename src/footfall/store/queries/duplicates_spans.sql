-- A span of time in pieces of one width: the first and last timestamp and the most rows of each.
SELECT min(timestamp), max(timestamp), count()
FROM events
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY intDiv(timestamp - {start:Int64}, {width:Int64})
ORDER BY min(timestamp)
