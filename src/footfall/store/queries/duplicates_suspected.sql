-- How many times have events of several requests: only such events can be duplicates.
-- It reads in the table's order, and no contexts, so that it takes little time and memory.
SELECT count()
FROM (
    SELECT
        timestamp,
        batch,
        lagInFrame(timestamp) OVER before AS timestamp_before,
        lagInFrame(batch) OVER before AS batch_before
    FROM events FINAL
    WHERE customer = {customer:String}
        AND product = {product:String}
        AND timestamp BETWEEN {start:Int64} AND {end:Int64}
        AND admitted <= {watermark:Int64}
        AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
    WINDOW before AS (ORDER BY customer, product, timestamp, batch ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)
WHERE timestamp = timestamp_before AND batch != batch_before
