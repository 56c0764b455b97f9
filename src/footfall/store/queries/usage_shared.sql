-- Events at some times, by time and type, and the duplicates among them: of equal ones all but the first batch's.
-- It reads no part in which none of these times can be.
SELECT timestamp, toString(type), sum(length(batches)), sum(length(batches) - countEqual(batches, first))
FROM (
    SELECT timestamp, type, groupArray(batch) AS batches, argMin(batch, (came, batch)) AS first
    FROM (
        -- An event that was loaded twice, and is not merged yet, is one; its first admission counts.
        SELECT timestamp, type, version, context, batch, sequence, min(admitted) AS came
        FROM events
        WHERE customer = {customer:String}
            AND product = {product:String}
            AND timestamp IN {times:Array(Int64)}
            AND admitted <= {watermark:Int64}
            AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
        GROUP BY timestamp, type, version, context, batch, sequence
    )
    GROUP BY timestamp, type, version, context
)
GROUP BY timestamp, type
SETTINGS
    -- Where contexts are long, their groups go to disk.
    max_bytes_before_external_group_by = 268435456
