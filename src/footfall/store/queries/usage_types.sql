-- The types that there are: how many events each has, and the first and the last time of one.
SELECT toString(product), toString(type), count(), min(timestamp), max(timestamp)
FROM {{events}}
WHERE {{condition}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    {{without_duplicates}}
GROUP BY product, type
ORDER BY product, type
LIMIT {limit:UInt64}
