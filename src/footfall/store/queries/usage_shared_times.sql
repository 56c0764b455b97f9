-- The events of some timestamps, by timestamp and type, and the duplicates among them.
-- Of equal events of several batches, all but those of the first batch are duplicates. Parts without these timestamps
-- are not read.
SELECT timestamp, toString(type), sum(length(batches)), sum(length(batches) - countEqual(batches, first_batch))
FROM (
    SELECT timestamp, type, groupArray(batch) AS batches, argMin(batch, (first_admitted, batch)) AS first_batch
    FROM (
        -- An event that was loaded twice and is not merged yet counts once; its first admission counts.
        SELECT timestamp, type, version, context, batch, sequence, min(admitted) AS first_admitted
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
    -- Groups of long contexts go to disk.
    max_bytes_before_external_group_by = 268435456
