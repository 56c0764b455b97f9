-- Events, newest first, from after the one at which a page ended.
SELECT
    toString(customer),
    toString(product),
    toString(type),
    version,
    timestamp,
    context,
    toString(batch),
    sequence,
    received,
    admitted
FROM events FINAL
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND (timestamp, batch, sequence) < ({last_timestamp:Int64}, {last_batch:UUID}, {last_sequence:UInt64})
    {{without_duplicates}}
ORDER BY timestamp DESC, batch DESC, sequence DESC
LIMIT {limit:UInt64}
