-- The span of a product's events: how many rows, and the first and last timestamp. It reads only the key's index.
SELECT
    count(),
    (
        SELECT min(timestamp)
        FROM (
            SELECT timestamp
            FROM events
            WHERE customer = {customer:String}
                AND product = {product:String}
                AND timestamp BETWEEN {start:Int64} AND {end:Int64}
            ORDER BY customer, product, timestamp
            LIMIT 1
        )
    ),
    (
        SELECT max(timestamp)
        FROM (
            SELECT timestamp
            FROM events
            WHERE customer = {customer:String}
                AND product = {product:String}
                AND timestamp BETWEEN {start:Int64} AND {end:Int64}
            ORDER BY customer DESC, product DESC, timestamp DESC
            LIMIT 1
        )
    )
FROM events
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
