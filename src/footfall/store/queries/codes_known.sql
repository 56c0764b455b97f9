-- Whether there is an event of a customer, and one of its product: two looks at the front of the key.
SELECT
    (
        SELECT count()
        FROM (SELECT 1 FROM events WHERE customer = {customer:String} LIMIT 1)
    ),
    (
        SELECT count()
        FROM (SELECT 1 FROM events WHERE customer = {customer:String} AND product = {product:String} LIMIT 1)
    )
