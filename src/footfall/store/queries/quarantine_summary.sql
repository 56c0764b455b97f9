-- How many events of quarantine there are of which type and for which reason, the most frequent first.
-- What is among the events is released, whatever else its record says: it may have been sent again meanwhile.
WITH if(
    (q.batch, q.sequence) GLOBAL IN (
        SELECT batch, sequence FROM events WHERE batch GLOBAL IN (SELECT batch FROM quarantine WHERE state != 'released')
    ),
    'released',
    toString(q.state)
) AS standing
SELECT
    q.product AS product,
    q.type AS type,
    q.reason AS reason,
    count() AS events,
    min(q.held_since) AS first,
    max(q.held_since) AS last,
    -- The one that the list has first, also of those received in one millisecond.
    argMin(concat(toString(q.batch), '/', toString(q.sequence)), (-q.held_since, q.batch, q.sequence)) AS example
FROM quarantine AS q FINAL
WHERE ({customer:String} = '' OR q.customer = {customer:String})
    AND ({product:String} = '' OR q.product = {product:String})
    AND ({type:String} = '' OR q.type = {type:String})
    AND ({reason:String} = '' OR positionCaseInsensitiveUTF8(q.reason, {reason:String}) > 0)
    AND ({state:String} = '' OR standing = {state:String})
    AND q.held_since BETWEEN {since:Int64} AND {until:Int64}
    AND (empty({ids:Array(String)}) OR concat(toString(q.batch), '/', toString(q.sequence)) IN {ids:Array(String)})
GROUP BY product, type, reason
ORDER BY events DESC, product, type, reason
LIMIT {limit:UInt32}
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0
