-- The stored events of a time, in no order: to check them against a changed plan, or to infer a plan from them.
SELECT e.customer AS customer, e.product AS product, e.type AS type, e.timestamp AS timestamp, e.context AS context,
    e.sequence AS sequence, e.batch AS batch
FROM events AS e FINAL
WHERE e.timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND (empty({customers:Array(String)}) OR e.customer IN {customers:Array(String)})
    AND (empty({products:Array(String)}) OR e.product IN {products:Array(String)})
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0
