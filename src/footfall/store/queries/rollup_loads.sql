-- Whether anything was loaded between two times.
SELECT 1
FROM events
WHERE loaded > {after:Int64} AND loaded <= {through:Int64}
LIMIT 1
