-- How many events of quarantine are selected.
SELECT count()
FROM quarantine AS q FINAL
WHERE ({customer:String} = '' OR q.customer = {customer:String})
    AND ({product:String} = '' OR q.product = {product:String})
    AND ({type:String} = '' OR q.type = {type:String})
    AND ({reason:String} = '' OR positionCaseInsensitiveUTF8(q.reason, {reason:String}) > 0)
    AND ({state:String} = '' OR toString(q.state) = {state:String})
    AND q.held_since BETWEEN {since:Int64} AND {until:Int64}
    AND (empty({ids:Array(String)}) OR concat(toString(q.batch), '/', toString(q.sequence)) IN {ids:Array(String)})
