-- Whether anything was loaded between two times, or noted as changed.
SELECT 1
FROM (
    SELECT loaded FROM events WHERE loaded > {after:Int64} AND loaded <= {through:Int64}
    UNION ALL
    SELECT loaded FROM rollup_changes WHERE loaded > {after:Int64} AND loaded <= {through:Int64}
)
LIMIT 1
