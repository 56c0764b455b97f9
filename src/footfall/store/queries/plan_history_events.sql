-- The stored events of a time, for a check against a changed plan, in no order.
SELECT e.customer AS customer, e.product AS product, e.type AS type, e.timestamp AS timestamp, e.context AS context,
    e.sequence AS sequence, e.batch AS batch
FROM events AS e FINAL
WHERE e.timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND (empty({customers:Array(String)}) OR e.customer IN {customers:Array(String)})
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0
