-- All selected events of quarantine, whole, in no order.
SELECT
    q.customer AS customer,
    q.product AS product,
    q.type AS type,
    q.version AS version,
    q.timestamp AS timestamp,
    q.context AS context,
    q.sequence AS sequence,
    q.batch AS batch,
    q.state AS state,
    q.held_since AS received,
    q.code AS code,
    q.place AS `where`,
    q.reason AS reason,
    q.plan AS plan,
    q.address AS address,
    q.origin AS origin,
    q.user_agent AS userAgent,
    if(q.state = 'held', 0, q.received) AS changed,
    q.changed_by AS changedBy,
    q.set_type AS setType
FROM quarantine AS q FINAL
WHERE ({customer:String} = '' OR q.customer = {customer:String})
    AND ({product:String} = '' OR q.product = {product:String})
    AND ({type:String} = '' OR q.type = {type:String})
    AND ({reason:String} = '' OR positionCaseInsensitiveUTF8(q.reason, {reason:String}) > 0)
    AND ({state:String} = '' OR toString(q.state) = {state:String})
    AND q.held_since BETWEEN {since:Int64} AND {until:Int64}
    AND (empty({ids:Array(String)}) OR concat(toString(q.batch), '/', toString(q.sequence)) IN {ids:Array(String)})
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0
