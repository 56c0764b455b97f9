-- The rows of a day, copies among them, and its latest admission.
SELECT count(), max(admitted)
FROM events
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
