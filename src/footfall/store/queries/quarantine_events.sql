-- All selected events of quarantine, whole, in no order.
-- What is among the events is released, whatever else its record says: it may have been sent again meanwhile.
WITH if(
    (q.batch, q.sequence) GLOBAL IN (
        SELECT batch, sequence FROM events WHERE batch GLOBAL IN (SELECT batch FROM quarantine WHERE state != 'released')
    ),
    'released',
    toString(q.state)
) AS standing
SELECT
    q.customer AS customer,
    q.product AS product,
    q.type AS type,
    if(standing = 'held', q.version, '') AS version,
    q.timestamp AS timestamp,
    if(standing = 'held', q.context, []) AS context,
    q.sequence AS sequence,
    q.batch AS batch,
    standing AS state,
    q.held_since AS received,
    q.code AS code,
    q.place AS `where`,
    q.reason AS reason,
    q.plan AS plan,
    if(standing = 'held', q.address, '') AS address,
    if(standing = 'held', q.origin, '') AS origin,
    if(standing = 'held', q.user_agent, '') AS userAgent,
    if(q.state = 'held', 0, q.received) AS changed,
    q.changed_by AS changedBy,
    q.set_type AS setType
FROM quarantine AS q FINAL
WHERE ({customer:String} = '' OR q.customer = {customer:String})
    AND ({product:String} = '' OR q.product = {product:String})
    AND ({type:String} = '' OR q.type = {type:String})
    AND ({reason:String} = '' OR positionCaseInsensitiveUTF8(q.reason, {reason:String}) > 0)
    AND ({state:String} = '' OR standing = {state:String})
    AND q.held_since BETWEEN {since:Int64} AND {until:Int64}
    AND (empty({ids:Array(String)}) OR concat(toString(q.batch), '/', toString(q.sequence)) IN {ids:Array(String)})
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0
