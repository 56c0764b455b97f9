-- The events of some timestamps, by timestamp and dimensions, and the duplicates among them; how many of both came late.
-- Of equal events of several batches, all but those of the first batch are duplicates. Parts without these timestamps
-- are not read.
SELECT
    timestamp,
    {{dimensions}}
    sum(length(members)),
    sum(arrayCount(member -> member.2, members)),
    sum(arrayCount(member -> member.1 != first_batch, members)),
    sum(arrayCount(member -> member.1 != first_batch AND member.2, members))
FROM (
    SELECT
        customer,
        product,
        timestamp,
        type,
        version,
        context,
        groupArrayIf(
            (batch, first_received - timestamp > {late:Int64}),
            {basis:String} = 'event' OR first_received BETWEEN {received_start:Int64} AND {received_end:Int64}
        ) AS members,
        argMin(batch, (first_admitted, batch)) AS first_batch
    FROM (
        -- An event that was loaded twice and is not merged yet counts once; its first admission counts.
        SELECT
            customer,
            product,
            timestamp,
            type,
            version,
            context,
            batch,
            sequence,
            min(admitted) AS first_admitted,
            argMin(received, admitted) AS first_received
        FROM events
        WHERE {{selection}}
            AND timestamp IN {times:Array(Int64)}
        GROUP BY customer, product, timestamp, type, version, context, batch, sequence
    )
    GROUP BY customer, product, timestamp, type, version, context
)
GROUP BY timestamp{{groups}}
SETTINGS
    -- Groups of long contexts go to disk.
    max_bytes_before_external_group_by = 268435456
