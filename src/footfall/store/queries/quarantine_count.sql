-- How many events of quarantine are selected.
-- What is among the events is released, whatever else its record says: it may have been sent again meanwhile.
WITH if(
    (q.batch, q.sequence) GLOBAL IN (
        SELECT batch, sequence FROM events WHERE batch GLOBAL IN (SELECT batch FROM quarantine WHERE state != 'released')
    ),
    'released',
    toString(q.state)
) AS standing
SELECT count()
FROM quarantine AS q FINAL
WHERE ({customer:String} = '' OR q.customer = {customer:String})
    AND ({product:String} = '' OR q.product = {product:String})
    AND ({type:String} = '' OR q.type = {type:String})
    AND ({reason:String} = '' OR positionCaseInsensitiveUTF8(q.reason, {reason:String}) > 0)
    AND ({state:String} = '' OR standing = {state:String})
    AND q.held_since BETWEEN {since:Int64} AND {until:Int64}
    AND (empty({ids:Array(String)}) OR concat(toString(q.batch), '/', toString(q.sequence)) IN {ids:Array(String)})
